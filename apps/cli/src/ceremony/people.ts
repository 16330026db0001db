import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { ed25519PublicKey, p256PublicKey, signStatement, type Approval, type Member } from '@bulkhead/approval';
import { Failure, readTextFile } from '../stack/index.js';
import { ceremonyTerms, type People, type Question } from './conduct.js';

const LIFE_MS = 86_400_000;

/** A member’s signed answer, by the private key in a file (a stick that the member brings and takes away again). */
export function answerWith(member: Member, question: Question, keyFile: string): Approval {
  const pem = readTextFile(keyFile, 'the private key of a member, PEM');
  const publicKey = publicKeyOf(pem, keyFile);
  const key = member.keys.find((candidate) => candidate.publicKey === publicKey);
  if (!key) throw new Failure(`The key in ${keyFile} is not one of ${member.id}.`);
  const expiresAt = new Date(Date.now() + LIFE_MS).toISOString();
  return signStatement(
    { v: 1, decision: question.decision, ...ceremonyTerms(question), member: member.id, key: key.id, expiresAt },
    pem,
  );
}

function publicKeyOf(pem: string, file: string): string {
  for (const read of [p256PublicKey, ed25519PublicKey]) {
    try {
      return read(pem);
    } catch {
      // of the other kind, or no key
    }
  }
  throw new Failure(`${file} holds no P-256 or Ed25519 key.`);
}

/** Everybody’s key is in one folder as `<member>.pem`: rehearsals and tests. Whose is not there does not sign. */
export const peopleOfFolder = (folder: string): People => ({
  mode: 'rehearsal',
  sign: (member, question) => {
    const file = join(folder, `${member.id}.pem`);
    return Promise.resolve(existsSync(file) ? answerWith(member, question, file) : undefined);
  },
  tell: (line) => {
    console.log(line);
  },
});

/** Asks at the terminal. An empty answer does not sign; `reject` has the step done again. */
export const peopleAtTerminal = (): People => ({
  mode: 'terminal',
  sign: async (member, question) => {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    try {
      const role = question.decision === 'PROPOSE' ? 'performed' : 'witnessed';
      const prompt = `  ${member.name}: signs that this was ${role} as shown (${question.hash.slice(0, 16)})\n  key file, reject <key file>, or nothing to stop: `;
      const answer = (await terminal.question(prompt)).trim();
      if (answer === '') return undefined;
      const rejecting = /^reject\s+(.+)$/.exec(answer)?.[1];
      return rejecting === undefined
        ? answerWith(member, question, answer)
        : answerWith(member, { ...question, decision: 'REJECT' }, rejecting);
    } finally {
      terminal.close();
    }
  },
  tell: (line) => {
    console.log(line);
  },
});
