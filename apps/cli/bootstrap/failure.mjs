// @ts-check

/** Something about the machine or its state that its user can mend: shown as a message, without a stack trace. */
export class Failure extends Error {
  /**
   * @param {string} message what is wrong
   * @param {string} [advice] what to do about it
   */
  constructor(message, advice) {
    super(advice ? `${message}\n  → ${advice.replaceAll('\n', '\n    ')}` : message);
    this.name = 'Failure';
  }
}
