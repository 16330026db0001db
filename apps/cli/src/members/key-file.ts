import { createPrivateKey, type KeyObject } from 'node:crypto';
import { ed25519PublicKey, p256PublicKey } from '@bulkhead/approval';
import { Failure, readPrivateFile } from '../stack/index.js';
import { askHidden } from '../terminal/ask-hidden.js';

/** A member's key as it lies in a file: a stick that the member brings and takes away again. */
export interface MemberKeyFile {
  readonly privateKey: KeyObject;
  readonly publicKey: string;
}

const ENCRYPTED = /ENCRYPTED/; // PKCS #8 (RFC 7468, 11), and OpenSSL's older form (Proc-Type)

/**
 * Reads a member's private key: PEM in a file that only its owner may read. The passphrase of one that is encrypted is
 * asked for at the terminal, without an echo; it is never an argument or in the environment.
 *
 * @throws Failure when the file is not so, holds no key of P-256 or Ed25519, or the passphrase is wrong
 */
export async function readMemberKey(file: string): Promise<MemberKeyFile> {
  const pem = readPrivateFile(file, 'the private key of a member, PEM');
  try {
    const privateKey = ENCRYPTED.test(pem.toString('latin1')) ? await decrypted(pem, file) : plain(pem, file);
    return { privateKey, publicKey: publicKeyOf(privateKey, file) };
  } finally {
    pem.fill(0);
  }
}

async function decrypted(pem: Buffer, file: string): Promise<KeyObject> {
  const passphrase = await askHidden(`  passphrase of ${file}: `);
  try {
    return createPrivateKey({ key: pem, passphrase });
  } catch {
    throw new Failure(`The passphrase does not open ${file}.`);
  } finally {
    passphrase.fill(0);
  }
}

function plain(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw noKey(file);
  }
}

function publicKeyOf(key: KeyObject, file: string): string {
  for (const read of [p256PublicKey, ed25519PublicKey]) {
    try {
      return read(key);
    } catch {
      // of the other kind, or of none that members have
    }
  }
  throw noKey(file);
}

const noKey = (file: string): Failure => new Failure(`${file} holds no P-256 or Ed25519 key.`);
