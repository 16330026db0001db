import { Injectable } from '@nestjs/common';
import { canonicalAddress, ownershipMessage, type Act, type CharterState } from '@bulkhead/charter';
import { accepted, refused, type Result } from '@bulkhead/intent';
import { Interface } from 'ethers/abi';
import { hashMessage } from 'ethers/hash';
import { EthereumClient } from '../../chains/ethereum-client.js';
import { RpcRefusal } from '../../chains/json-rpc.js';

/** EIP-1271: what a contract answers when it takes a signature. */
const MAGIC = '0x1626ba7e';
const CONTRACT = new Interface(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)']);

/** Proofs of ownership that only a node can check: signers have none, so that for them it stays a claim. */
@Injectable()
export class OwnershipClaims {
  constructor(private readonly ethereum: EthereumClient) {}

  /** Accepted when there is nothing to ask. */
  async check(state: CharterState, act: Act): Promise<Result<true>> {
    if (act.kind !== 'destination.approve' || act.proof?.kind !== 'eip1271') return accepted(true);
    const address = canonicalAddress(act.chain, act.address);
    if (!address.ok) return address;
    const hash = hashMessage(ownershipMessage(state.firm, act.owner, act.chain, address.value));
    return (await this.takes(address.value, hash, act.proof.signature))
      ? accepted(true)
      : refused('address.ownership-unproven', 'The contract does not take this signature (EIP-1271).', {
          address: address.value,
        });
  }

  private async takes(contract: string, hash: string, signature: string): Promise<boolean> {
    try {
      const data = CONTRACT.encodeFunctionData('isValidSignature', [hash, signature]);
      const answer = await this.ethereum.call({ to: contract, data });
      return answer === `${MAGIC}${'0'.repeat(56)}`;
    } catch (error) {
      if (error instanceof RpcRefusal) return false; // it reverts
      throw error;
    }
  }
}
