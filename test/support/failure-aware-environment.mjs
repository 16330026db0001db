import { TestEnvironment } from 'jest-environment-node';

/** Tells a test file, as `globalThis.aTestHasFailed`, whether its state is worth keeping. */
export default class FailureAwareEnvironment extends TestEnvironment {
  handleTestEvent({ name }) {
    if (name === 'test_fn_failure' || name === 'hook_failure') this.global.aTestHasFailed = true;
  }
}
