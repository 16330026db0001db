import { Injectable } from '@nestjs/common';
import type { CharterState } from '@bulkhead/charter';
import { OWNER_SWAP, type AssetId, type Digest, type Payload } from '@bulkhead/intent';
import {
  freshAttestations,
  historyOf,
  needsVelocity,
  NO_HISTORY,
  type PastSpend,
  type PastTransfer,
  WINDOWS,
} from '@bulkhead/policy';
import { DataSource } from 'typeorm';
import { TransferRow } from '../../transfers/persistence/entities.js';
import { LIVE_STATES, type TransferState } from '../../transfers/core/transitions.js';

/** Decided in one go; the rest is asked for page by page. */
const PAGE = 100;
/** Spends that a page looks back on at most, newest first. */
const MOST_SPENDS = 5_000;
const SPENT: readonly TransferState[] = [...LIVE_STATES, 'SETTLED'];

export interface PastPage {
  readonly transfers: readonly PastTransfer[];
  /** Where the next page goes on; null when this was the last. */
  readonly next: string | null;
  /** Transfers of these days in all. */
  readonly total: number;
  /** Transfers of the page with more spends before them than are looked back on: their velocities are too low. */
  readonly historyCut: readonly string[];
}

interface SpendRow extends Omit<PastSpend, 'asset' | 'amount' | 'at'> {
  readonly amount: string;
  readonly at: Date;
}

/** The transfers of the last days with what had been paid before each: what a draft is tried on. */
@Injectable()
export class PastTransfers {
  constructor(private readonly database: DataSource) {}

  /** @param after id of the last transfer of the page before; from the start when undefined */
  async page(states: readonly CharterState[], days: number, after: string | undefined): Promise<PastPage> {
    const since = new Date(Date.now() - days * 86_400_000);
    const query = this.database
      .createQueryBuilder(TransferRow, 'transfer')
      .where('transfer.created_at > :since and transfer.payload is not null', { since })
      // no policy decides on them
      .andWhere('transfer.purpose <> :swap', { swap: OWNER_SWAP });
    const total = await query.getCount();
    if (after !== undefined) {
      query.andWhere(
        '(transfer.created_at, transfer.id) > (select created_at, id from transfer last where last.id = :after)',
        { after },
      );
    }
    const rows = await query.orderBy('transfer.created_at').addOrderBy('transfer.id').limit(PAGE).getMany();
    const transfers: PastTransfer[] = [];
    const historyCut: string[] = [];
    for (const row of rows) {
      const needed = states.some((one) => needsVelocity(one, row.owner, row.wallet));
      const { isCut, ...transfer } = await this.asOfThen(states, row, needed);
      transfers.push(transfer);
      if (isCut) historyCut.push(row.id);
    }
    return { transfers, next: rows.length < PAGE ? null : (rows.at(-1)?.id ?? null), total, historyCut };
  }

  /** A transfer with its bytes as it was when it was proposed, and whether more was paid before it than is counted. */
  async asOfThen(
    states: readonly CharterState[],
    row: TransferRow,
    withHistory: boolean,
  ): Promise<PastTransfer & { isCut: boolean }> {
    const { intent, proposal, payload, createdAt } = row;
    const attested = row.attestations.map(({ statement }) => statement.at);
    // its attestations may be newer than it is: the instant at which all was there
    const at = [createdAt.toISOString(), ...attested].toSorted().at(-1) ?? intent.createdAt;
    const [state] = states;
    const attestations = state ? freshAttestations(state, row.attestations, at) : [];
    const transfer = { ...counted(row), ...(row.payloadDigest && { payloadDigest: row.payloadDigest as Digest }) };
    const spends = withHistory ? await this.spendsBefore(row) : [];
    const history = withHistory ? historyOf(spends, transfer, at) : NO_HISTORY;
    const isCut = spends.length >= MOST_SPENDS;
    return { intent, proposal, payload: payload as Payload, attestations, at, history, isCut };
  }

  private async spendsBefore({ asset, createdAt, id }: TransferRow): Promise<PastSpend[]> {
    const rows: SpendRow[] = await this.database.query(
      `select wallet, owner, payee, intent->>'initiator' as initiator, payload_digest as "payloadDigest", purpose,
         amount::text as amount, created_at as at
       from transfer where asset = $1 and created_at <= $2 and id <> $3 and state = any($4) and payload_digest is not null
         and (purpose = 'TEST_PAYMENT' or created_at > $2::timestamptz - make_interval(secs => $5))
       order by created_at desc limit $6`,
      [asset, createdAt, id, [...SPENT], WINDOWS.month, MOST_SPENDS],
    );
    return rows.map(({ amount, at, ...row }) => ({
      ...row,
      asset: asset as AssetId,
      amount: BigInt(amount),
      at: at.toISOString(),
    }));
  }
}

const counted = ({ wallet, owner, asset, payee, intent }: TransferRow) => ({
  wallet,
  owner,
  asset: asset as AssetId,
  payee,
  initiator: intent.initiator,
});
