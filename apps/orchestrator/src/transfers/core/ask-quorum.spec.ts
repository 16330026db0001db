import { accepted, refused, type Result } from '@bulkhead/intent';
import { askQuorum } from './ask-quorum.js';

const LONG_MS = 3_600_000;
const SHORT_MS = 1;
const SIGNERS = ['a', 'b', 'c'];
const no = refused('keys.unavailable', 'The token is away.');
const never = new Promise<Result<string>>(() => undefined);

const asking = (answers: Readonly<Record<string, Promise<Result<string>>>>) => {
  const asked: string[] = [];
  const ask = (signer: string): Promise<Result<string>> => {
    asked.push(signer);
    return answers[signer] ?? Promise.resolve(accepted(`signed by ${signer}`));
  };
  return { asked, ask };
};

describe('asking for a quorum of signatures', () => {
  it('asks no more signers than are needed while each answers in time', async () => {
    const { asked, ask } = asking({});
    expect([...(await askQuorum(SIGNERS, 2, LONG_MS, ask)).keys()]).toEqual(['a', 'b']);
    expect(asked).toEqual(['a', 'b']);
  });

  it('does not wait for one that hangs: a spare one signs in its place', async () => {
    const { asked, ask } = asking({ a: never });
    expect([...(await askQuorum(SIGNERS, 2, SHORT_MS, ask)).keys()]).toEqual(['b', 'c']);
    expect(asked).toEqual(['a', 'b', 'c']);
  });

  it('asks a spare one at once for one that says no, and gives the refusal too', async () => {
    const { ask } = asking({ a: Promise.resolve(no) });
    const answers = await askQuorum(SIGNERS, 2, LONG_MS, ask);
    expect(answers.get('a')).toBe(no);
    expect([...answers].filter(([, { ok }]) => ok).map(([signer]) => signer)).toEqual(['b', 'c']);
  });

  it('waits for a slow one when there is no quorum without it', async () => {
    let sign: (answer: Result<string>) => void = () => undefined;
    const slow = new Promise<Result<string>>((resolve) => (sign = resolve));
    const { ask } = asking({ a: slow, b: Promise.resolve(no) });
    const answers = askQuorum(SIGNERS, 2, SHORT_MS, async (signer) => {
      const answer = await ask(signer);
      if (signer === 'c') setTimeout(sign, SHORT_MS, accepted('signed by a'));
      return answer;
    });
    expect([...(await answers).keys()]).toEqual(['b', 'c', 'a']);
  });

  it('gives one spare for each, though it is late and then says no', async () => {
    const late = new Promise<Result<string>>((resolve) => setTimeout(resolve, 20, no));
    const { asked, ask } = asking({ a: late, b: never });
    const answers = await askQuorum([...SIGNERS, 'd', 'e'], 2, SHORT_MS, ask);
    expect([...answers.values()].filter(({ ok }) => ok)).toHaveLength(2);
    expect(asked).toEqual(['a', 'b', 'c', 'd']);
  });

  it('ends with what there is when too few are left', async () => {
    const { ask } = asking({ a: Promise.resolve(no), b: Promise.resolve(no) });
    expect([...(await askQuorum(SIGNERS, 2, LONG_MS, ask)).keys()].sort()).toEqual(SIGNERS);
    expect((await askQuorum([], 2, LONG_MS, ask)).size).toBe(0);
  });

  it('fails as the asking does', async () => {
    const broken = Promise.reject(new Error('no database'));
    await expect(askQuorum(SIGNERS, 2, LONG_MS, asking({ b: broken }).ask)).rejects.toThrow('no database');
  });
});
