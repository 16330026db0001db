import { type Interface } from 'ethers/abi';

/**
 * The arguments of a call, or undefined unless `data` is byte for byte what the ABI encoder makes of them: no trailing
 * bytes, no dirty padding, no odd offsets. So two different strings of bytes never decode to the same call.
 */
export function decodeStrictly(abi: Interface, name: string, data: string): readonly unknown[] | undefined {
  const fragment = abi.getFunction(name);
  if (fragment === null || !data.startsWith(fragment.selector)) return undefined;
  try {
    const values: readonly unknown[] = abi.decodeFunctionData(fragment, data).toArray(true);
    return abi.encodeFunctionData(fragment, values) === data ? values : undefined;
  } catch {
    return undefined; // the decoder throws on bytes that are no encoding at all
  }
}
