/** What a compliance officer asks of policies before and after they are in force. */
export { backTest, type BackTest, type ChangedDecision, type Outcome, type PastTransfer } from './back-test.js';
export { diffLines, type DiffLine } from './diff.js';
export { explainTransfer, type Explanation } from './explain.js';
export { lintPolicy, type Finding } from './lint.js';
export {
  checkDraft,
  checkEntryPolicies,
  policyActOf,
  prove,
  proveDraft,
  type Claim,
  type CounterExample,
  type Proof,
} from './prove.js';
