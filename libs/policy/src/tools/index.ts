/** What a compliance officer asks of policies before and after they are in force. */
export { backTest, type BackTest, type ChangedDecision, type Outcome, type PastTransfer } from './back-test.js';
export { diffLines, type DiffLine } from './diff.js';
export { explainTransfer, type Explanation } from './explain.js';
export { lintDraft, type Finding } from './lint.js';
export type { Claim, CounterExample } from './counter-example.js';
export {
  checkActPolicies,
  checkDraft,
  checkEntryPolicies,
  prove,
  proveDraft,
  type PolicyAct,
  type Proof,
} from './prove.js';
