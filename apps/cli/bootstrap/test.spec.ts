import { countsOf } from './test.mjs';

describe('counting test results', () => {
  const clean = {
    numPassedTests: 7,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: 0,
  };

  it('adds up what passed, failed and was left out', () => {
    expect(countsOf({ ...clean, numFailedTests: 2, numPendingTests: 1, numTodoTests: 3 }, 1)).toEqual({
      passed: 7,
      failed: 2,
      skipped: 4,
    });
  });

  it('counts a file that could not be run as a failure', () => {
    expect(countsOf({ ...clean, numRuntimeErrorTestSuites: 1 }, 1).failed).toBe(1);
  });

  it('never turns a failed run into a pass', () => {
    expect(countsOf(clean, 1).failed).toBe(1);
    expect(countsOf(undefined, 0).failed).toBe(1);
    expect(countsOf(clean, 0).failed).toBe(0);
  });
});
