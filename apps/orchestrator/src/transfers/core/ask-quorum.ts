import type { Result } from '@bulkhead/intent';

/**
 * Asks as many signers as are needed, and a spare one for each that says no or has not answered within `patienceMs`, so
 * that one slow token does not hold up what the others can do. Ends once enough have said yes, or nobody is left to wait
 * for. Who has not answered by then goes on by itself: asking must be safe to repeat, and its effects its own.
 *
 * @returns the answers that came in time, in the order in which they came
 */
export function askQuorum<Answer>(
  signers: readonly string[],
  needed: number,
  patienceMs: number,
  ask: (signer: string) => Promise<Result<Answer>>,
): Promise<ReadonlyMap<string, Result<Answer>>> {
  const untried = [...signers];
  const answers = new Map<string, Result<Answer>>();
  const patience = new Map<string, NodeJS.Timeout>();
  let open = 0;
  let agreed = 0;
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      for (const timer of patience.values()) clearTimeout(timer);
      untried.length = 0;
      settle();
    };
    const askNext = (): void => {
      const signer = untried.shift();
      if (signer === undefined) return;
      open += 1;
      const waiting = setTimeout(() => {
        patience.delete(signer);
        askNext();
      }, patienceMs);
      patience.set(signer, waiting);
      ask(signer).then(
        (answer) => {
          answered(signer, answer);
        },
        (error: unknown) => {
          end(() => {
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        },
      );
    };
    const answered = (signer: string, answer: Result<Answer>): void => {
      open -= 1;
      answers.set(signer, answer);
      if (answer.ok) agreed += 1;
      clearTimeout(patience.get(signer));
      // one that was given up already has its spare
      if (patience.delete(signer) && !answer.ok) askNext();
      if (agreed >= needed || open === 0)
        end(() => {
          resolve(new Map(answers));
        });
    };
    for (let count = 0; count < needed; count += 1) askNext();
    if (open === 0) resolve(answers);
  });
}
