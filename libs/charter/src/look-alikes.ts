import type { ChainId } from '@bulkhead/intent';
import type { Map as ImmutableMap } from 'immutable';
import { addressKey } from './state.js';

/** By shape: an address of that shape, and another one where there is one. Two tell any third apart. */
export type Shapes = ImmutableMap<string, readonly [string, string?]>;

const PREFIX = /^(0x|(bc|tb|bcrt)1[qp]|[13mn2])/;
const SHOWN = 4;

/**
 * What people compare of an address: its first and last characters. Whoever poisons a history makes an address of the
 * same shape and hopes that it is copied; so such an address is no ordinary destination.
 */
function shapeOf(chain: ChainId, address: string): string {
  const body = address.toLowerCase().replace(PREFIX, '');
  return `${chain}:${body.slice(0, SHOWN)}${body.slice(-SHOWN)}`;
}

/** With addresses that are known from now on. */
export function addShapes(shapes: Shapes, chain: ChainId, addresses: Iterable<string>): Shapes {
  return shapes.withMutations((map) => {
    for (const address of addresses) {
      const shape = shapeOf(chain, address);
      const [first, second] = map.get(shape) ?? [];
      if (first === undefined) map.set(shape, [address]);
      else if (second === undefined && !isSame(chain, first, address)) map.set(shape, [first, address]);
    }
  });
}

/** A known address that this one, which is another, could be mistaken for; null: none. */
export function lookAlike(shapes: Shapes, chain: ChainId, address: string): string | null {
  const known = shapes.get(shapeOf(chain, address)) ?? [];
  return known.find((one) => one !== undefined && !isSame(chain, one, address)) ?? null;
}

const isSame = (chain: ChainId, a: string, b: string): boolean => addressKey(chain, a) === addressKey(chain, b);
