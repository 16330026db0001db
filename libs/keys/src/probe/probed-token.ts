import { randomBytes } from 'node:crypto';
import pkcs11, { type Handle, type PKCS11, type Template } from 'pkcs11js';
import { ckrName } from '../host/module.js';
import { attribute, custodyKeyTemplates } from '../host/key-template.js';
import { type TokenAccess } from '../host/token-access.js';
import { type ProbedCurve } from './curves.js';

/** The label of everything that the probe makes: whatever bears it is taken away, also after a crash. */
export const PROBE_LABEL = 'bulkhead-probe';

const FIND_AT_ONCE = 1_000;
const SIGNATURE_ROOM = 256;

export interface ProbePair {
  readonly curve: ProbedCurve;
  readonly publicKey: Handle;
  readonly privateKey: Handle;
}

/** A logged-in session of the token that is probed, in the few calls that the checks are made of. */
export class ProbedToken {
  constructor(
    readonly lib: PKCS11,
    readonly slot: Handle,
    readonly session: Handle,
  ) {}

  /** For what signers use themselves, which the probe tries on the token. */
  get access(): TokenAccess {
    return { lib: this.lib, handle: this.session, slot: { handle: this.slot } };
  }

  /** A key pair as a quorum key would be asked for; `token` false: it ends with its session. */
  generate(curve: ProbedCurve, token: boolean, session = this.session): ProbePair {
    const identity = { token, id: randomBytes(20), label: PROBE_LABEL };
    const templates = custodyKeyTemplates(curve.params, identity, false);
    const mechanism = { mechanism: curve.generate };
    return { curve, ...this.lib.C_GenerateKeyPair(session, mechanism, templates.public, templates.private) };
  }

  sign({ curve, privateKey }: ProbePair, input: Buffer, session = this.session): Buffer {
    this.lib.C_SignInit(session, { mechanism: curve.sign }, privateKey);
    return this.lib.C_Sign(session, input, Buffer.alloc(SIGNATURE_ROOM));
  }

  value(object: Handle, type: number): Buffer {
    const [read] = this.lib.C_GetAttributeValue(this.session, object, [{ type }]);
    return read?.value ?? Buffer.alloc(0);
  }

  flag(object: Handle, type: number): boolean {
    return this.value(object, type)[0] === 1;
  }

  find(template: Template): Handle[] {
    this.lib.C_FindObjectsInit(this.session, template);
    const found: Handle[] = [];
    try {
      for (let some: Handle[]; (some = this.lib.C_FindObjects(this.session, FIND_AT_ONCE)).length > 0;)
        found.push(...some);
    } finally {
      this.lib.C_FindObjectsFinal(this.session);
    }
    return found;
  }

  destroy(...objects: readonly Handle[]): void {
    for (const object of objects) this.lib.C_DestroyObject(this.session, object);
  }

  /** Takes away whatever bears the probe's label. @returns how many objects that were */
  sweep(): number {
    const left = this.find([attribute(pkcs11.CKA_LABEL, PROBE_LABEL)]);
    this.destroy(...left);
    return left.length;
  }
}

/** What an attempt that should fail came to: the CKR_ name of its refusal, or `done`. */
export function attempt(call: () => unknown): string {
  try {
    call();
    return 'done';
  } catch (error) {
    return ckrName(error) ?? String(error);
  }
}
