import { Injectable } from '@nestjs/common';
import { decisionHash, gasPayloadDigest, type GasRequest, type SignedDecision } from '@bulkhead/policy';
import { DataSource, In, MoreThanOrEqual, type EntityManager } from 'typeorm';
import { SignerDecisionRow } from '../persistence/entities.js';

/** What signers have decided, yes or no, about transfers and gas: evidence that needs nobody's word. */
@Injectable()
export class DecisionsService {
  constructor(private readonly database: DataSource) {}

  /** @param transfer that a signer was asked about; null for gas, and where it is not known here */
  async keep(
    decision: SignedDecision,
    transfer: string | null,
    manager: EntityManager = this.database.manager,
  ): Promise<void> {
    const { signer, position } = decision.record;
    await manager
      .createQueryBuilder()
      .insert()
      .into(SignerDecisionRow)
      .values({ signer, position, transfer, hash: decisionHash(decision.record), decision })
      .orIgnore()
      .execute();
  }

  /** Those about a transfer, and about the gas of its execution, in the order of each signer's chain. */
  async ofTransfer(transfer: string): Promise<SignerDecisionRow[]> {
    const [gas]: { request: GasRequest }[] = await this.database.query(
      'select request from gas_transaction where subject = $1',
      [`execute:${transfer}`],
    );
    const query = this.database.manager
      .createQueryBuilder(SignerDecisionRow, 'row')
      .where('row.transfer = :transfer', { transfer })
      .orderBy('row.signer')
      .addOrderBy('row.position');
    if (gas) {
      query.orWhere(`row.decision->'record'->>'payloadDigest' = :digest`, { digest: gasPayloadDigest(gas.request) });
    }
    return query.getMany();
  }

  async isTransfer(id: string): Promise<boolean> {
    const found: unknown[] = await this.database.query('select 1 from transfer where id = $1', [id]);
    return found.length > 0;
  }

  async ofSigner(signer: string, after: number, limit: number): Promise<SignerDecisionRow[]> {
    return this.database.manager.find(SignerDecisionRow, {
      where: { signer, position: MoreThanOrEqual(after) },
      order: { position: 'ASC', hash: 'ASC' },
      take: limit,
    });
  }

  /** The place behind the last decision that a signer has ever shown here. */
  async shown(signer: string): Promise<number> {
    return ((await this.database.manager.maximum(SignerDecisionRow, 'position', { signer })) ?? -1) + 1;
  }

  /** A place at which the signer has shown another decision before than one of these. */
  async contradicted(signer: string, decisions: readonly SignedDecision[]): Promise<number | undefined> {
    const hashes = new Map(decisions.map(({ record }) => [record.position, decisionHash(record)]));
    const kept = await this.database.manager.findBy(SignerDecisionRow, { signer, position: In([...hashes.keys()]) });
    return kept.find(({ position, hash }) => hashes.get(position) !== hash)?.position;
  }

  /** The transfers that these intents led to, by the digest of the intent. */
  async transfersOf(
    manager: EntityManager,
    decisions: readonly SignedDecision[],
  ): Promise<ReadonlyMap<string, string>> {
    const rows: { intent_digest: string; id: string }[] = await manager.query(
      'select intent_digest, id from transfer where intent_digest = any($1)',
      [decisions.flatMap(({ record }) => record.intentDigest ?? [])],
    );
    return new Map(rows.map(({ intent_digest: digest, id }) => [digest, id]));
  }
}
