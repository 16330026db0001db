/** Keys outside of tokens: wrapped, by a key whose secret custodians share. */
export {
  backUpKeys,
  keyBackupSchema,
  proveRestored,
  restoreKeys,
  type KeyBackupFile,
  type Progress,
} from './backup-file.js';
export {
  checkShareSet,
  dealNewSecret,
  withSecretOf,
  type BroughtShare,
  type Custodian,
  type DealTerms,
} from './custodians.js';
export { FEWEST_PASSPHRASE_BYTES, MOST_CUSTODIANS, shareFileSchema, type ShareFile } from './share.js';
export { wrappingCheck } from './wrapping-secret.js';
