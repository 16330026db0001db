import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { base64urlSchema, webauthnKeySchema } from '@bulkhead/approval';
import { slugSchema } from '@bulkhead/intent';
import { z } from 'zod';
import { CurrentMember } from '../../http/member.js';
import { ApiAnswer } from '../../http/openapi.js';
import { PasskeysService } from '../core/passkeys.service.js';

const credentialSchema = z.strictObject({ type: z.literal('public-key'), id: base64urlSchema });
const optionsViewSchema = z.strictObject({
  challenge: base64urlSchema,
  rp: z.strictObject({ id: z.string(), name: z.string() }),
  user: z.strictObject({ id: base64urlSchema, name: z.string(), displayName: z.string() }),
  pubKeyCredParams: z.array(z.strictObject({ type: z.literal('public-key'), alg: z.int() })),
  timeout: z.int(),
  attestation: z.literal('direct'),
  excludeCredentials: z.array(credentialSchema),
  authenticatorSelection: z.strictObject({
    residentKey: z.literal('preferred'),
    userVerification: z.literal('required'),
  }),
});

/** What `PublicKeyCredential.toJSON()` gives after `create` (WebAuthn Level 3, 5.1, RegistrationResponseJSON). */
const registrationResponseSchema = z.strictObject({
  id: base64urlSchema.max(1364),
  rawId: base64urlSchema.max(1364),
  type: z.literal('public-key'),
  authenticatorAttachment: z.enum(['platform', 'cross-platform']).optional(),
  clientExtensionResults: z.strictObject({ credProps: z.strictObject({ rk: z.boolean().optional() }).optional() }),
  response: z.strictObject({
    clientDataJSON: base64urlSchema.max(4_000),
    attestationObject: base64urlSchema.max(64_000),
    authenticatorData: base64urlSchema.max(4_000).optional(),
    transports: z.array(z.enum(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'])).optional(),
    publicKey: base64urlSchema.max(4_000).optional(),
    publicKeyAlgorithm: z.int().optional(),
  }),
});
const registerSchema = z.strictObject({ keyId: slugSchema, credential: registrationResponseSchema });
const registrationViewSchema = z.strictObject({
  key: webauthnKeySchema,
  /** A draft: propose it, and have the quorum of `member.enrol` approve it. Until then the key counts for nothing. */
  act: z.strictObject({ kind: z.literal('member-key.enrol'), member: slugSchema, key: webauthnKeySchema }),
  attestation: z.strictObject({ format: z.string(), aaguid: z.guid(), certificates: z.array(z.base64()) }),
});

/** A member's own passkeys, made in the member's browser. Registering one gives no right. */
@ApiTags('passkeys')
@ApiBearerAuth()
@Controller('v1/passkeys')
export class PasskeysController {
  constructor(private readonly passkeys: PasskeysService) {}

  @Post('registration-options')
  @HttpCode(200)
  @ApiAnswer(200, optionsViewSchema, 'What to call navigator.credentials.create with; the challenge is used once')
  async options(
    @CurrentMember() member: string,
    @Body({ schema: z.strictObject({}) }) _body: object,
  ): Promise<z.infer<typeof optionsViewSchema>> {
    return this.passkeys.options(member);
  }

  @Post('registrations')
  @ApiAnswer(201, registrationViewSchema, 'Verified and recorded; the act that would enrol it')
  async register(
    @CurrentMember() member: string,
    @Body({ schema: registerSchema }) { keyId, credential }: z.infer<typeof registerSchema>,
  ): Promise<z.infer<typeof registrationViewSchema>> {
    const { key, attestation } = await this.passkeys.register(member, keyId, credential);
    const { format, aaguid, certificates } = attestation;
    return {
      key,
      act: { kind: 'member-key.enrol', member, key },
      attestation: { format, aaguid, certificates: [...certificates] },
    };
  }
}
