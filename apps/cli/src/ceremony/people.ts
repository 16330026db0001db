import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { signStatement, type Approval, type Member } from '@bulkhead/approval';
import { readMemberKey } from '../members/key-file.js';
import { Failure } from '../stack/index.js';
import { Interrupted } from '../terminal/ask-hidden.js';
import { ceremonyTerms, type People, type Question } from './conduct.js';

const LIFE_MS = 86_400_000;

/** A member’s signed answer, by the private key in a file (a stick that the member brings and takes away again). */
export async function answerWith(member: Member, question: Question, keyFile: string): Promise<Approval> {
  const { privateKey, publicKey } = await readMemberKey(keyFile);
  const key = member.keys.find((candidate) => candidate.publicKey === publicKey);
  if (!key) throw new Failure(`The key in ${keyFile} is not one of ${member.id}.`);
  const expiresAt = new Date(Date.now() + LIFE_MS).toISOString();
  return signStatement(
    { v: 1, decision: question.decision, ...ceremonyTerms(question), member: member.id, key: key.id, expiresAt },
    privateKey,
  );
}

/** Everybody’s key is in one folder as `<member>.pem`: rehearsals and tests. Whose is not there does not sign. */
export const peopleOfFolder = (folder: string): People => ({
  mode: 'rehearsal',
  sign: (member, question) => {
    const file = join(folder, `${member.id}.pem`);
    return existsSync(file) ? answerWith(member, question, file) : Promise.resolve(undefined);
  },
  tell: (line) => {
    console.log(line);
  },
});

/** Asks at the terminal, again where the answer names no key of theirs. An empty one does not sign; `reject` has the step done again. */
export const peopleAtTerminal = (): People => ({
  mode: 'terminal',
  sign: async (member, question) => {
    const role = question.decision === 'PROPOSE' ? 'performed' : 'witnessed';
    const prompt = `  ${member.name}: signs that this was ${role} as shown (${question.hash.slice(0, 16)})\n  key file, reject <key file>, or nothing to stop: `;
    for (;;) {
      const answer = await ask(prompt);
      if (answer === '') return undefined;
      const rejecting = /^reject\s+(.+)$/.exec(answer)?.[1];
      const said: Question = rejecting === undefined ? question : { ...question, decision: 'REJECT' };
      try {
        return await answerWith(member, said, rejecting ?? answer);
      } catch (error) {
        if (!(error instanceof Failure) || error instanceof Interrupted) throw error;
        console.log(`  ${error.message}`);
      }
    }
  },
  tell: (line) => {
    console.log(line);
  },
});

/** A line from the terminal; an empty one at its end. */
async function ask(prompt: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await Promise.race([terminal.question(prompt), once(terminal, 'close').then(() => '')])).trim();
  } finally {
    terminal.close();
  }
}
