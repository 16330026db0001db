import { Injectable } from '@nestjs/common';
import {
  actInForce,
  addressKey,
  safeContractsOf,
  walletAddresses,
  type Act,
  type CharterEntry,
  type CharterState,
  type Owner,
  type Wallet,
} from '@bulkhead/charter';
import { orThrow, type ChainId } from '@bulkhead/intent';
import type { EntityManager } from 'typeorm';
import type { CharterProjection } from '../../charter/core/charter.service.js';
import { JobsService } from '../../jobs/jobs.service.js';
import { ManagedAddressRow, OwnerRow, WalletRow } from '../persistence/entities.js';

const INSERT_CHUNK = 1_000;

/** Writes the registry rows of what a charter entry puts into force, in its transaction; the constraints there back the reducer. */
@Injectable()
export class RegistryProjection implements CharterProjection {
  constructor(private readonly jobs: JobsService) {}

  async project(
    manager: EntityManager,
    entry: CharterEntry,
    before: CharterState | undefined,
    after: CharterState,
  ): Promise<void> {
    const act = before && actInForce(before, entry.intent);
    if (!act) return;
    if (act.kind === 'client.open' || act.kind === 'house.open') {
      await manager.insert(OwnerRow, { ...ownerOf(after, act.owner.id) });
    }
    if (act.kind === 'wallet.open') await this.openWallet(manager, after, act.wallet);
    if (act.kind === 'proprietary-address.declare') await this.declare(manager, after, act);
  }

  private async openWallet(manager: EntityManager, state: CharterState, wallet: Wallet): Promise<void> {
    const { estate } = ownerOf(state, wallet.owner);
    const { id, owner, chain, kind } = wallet;
    await manager.insert(WalletRow, { id, owner, estate, chain, kind, spec: wallet as never });
    const rows = orThrow(walletAddresses(wallet, safeContractsOf(state))).map(({ address, branch, index }) => ({
      ...addressColumns(chain, address),
      wallet: id,
      owner,
      estate,
      branch: branch ?? null,
      idx: index ?? null,
      issuedAt: null,
    }));
    for (let start = 0; start < rows.length; start += INSERT_CHUNK) {
      await manager.insert(ManagedAddressRow, rows.slice(start, start + INSERT_CHUNK));
    }
    // an account has one address; a Bitcoin wallet issues a fresh one whenever it is asked
    if (kind !== 'bitcoin-multisig') await this.jobs.enqueue('address-proof', id, manager);
  }

  private async declare(
    manager: EntityManager,
    state: CharterState,
    act: Extract<Act, { kind: 'proprietary-address.declare' }>,
  ): Promise<void> {
    await manager.insert(ManagedAddressRow, {
      ...addressColumns(act.chain, act.address),
      wallet: null,
      owner: act.owner,
      estate: ownerOf(state, act.owner).estate,
      branch: null,
      idx: null,
      issuedAt: null,
    });
  }
}

function addressColumns(chain: ChainId, address: string): { chain: ChainId; address: string; addressKey: string } {
  return { chain, address, addressKey: addressKey(chain, address).slice(chain.length + 1) };
}

function ownerOf(state: CharterState, id: string): Owner {
  const owner = state.owners.get(id);
  if (!owner) throw new Error(`owner ${id} is not in the state that its own entry led to`);
  return owner;
}
