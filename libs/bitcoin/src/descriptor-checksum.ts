/** Characters in the order that BIP-380 gives them: position in groups of 32 decides the symbol. */
const INPUT_CHARSET =
  '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const CHECKSUM_CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0xf5dee51989n, 0xa9fdca3312n, 0x1bab10e32dn, 0x3706b1677an, 0x644d626ffdn];

function polymod(checksum: bigint, symbol: bigint): bigint {
  const top = checksum >> 35n;
  let next = ((checksum & 0x7ffffffffn) << 5n) ^ symbol;
  GENERATOR.forEach((generator, bit) => {
    if ((top >> BigInt(bit)) & 1n) next ^= generator;
  });
  return next;
}

/** The 8-character checksum of an output script descriptor (BIP-380). Throws on a character no descriptor may hold. */
export function descriptorChecksum(descriptor: string): string {
  let checksum = 1n;
  let group = 0;
  let groupSize = 0;
  for (const character of descriptor) {
    const position = INPUT_CHARSET.indexOf(character);
    if (position < 0) throw new TypeError('character not allowed in a descriptor');
    checksum = polymod(checksum, BigInt(position & 31));
    group = group * 3 + (position >> 5);
    groupSize += 1;
    if (groupSize === 3) {
      checksum = polymod(checksum, BigInt(group));
      group = 0;
      groupSize = 0;
    }
  }
  if (groupSize > 0) checksum = polymod(checksum, BigInt(group));
  for (let i = 0; i < 8; i += 1) checksum = polymod(checksum, 0n);
  checksum ^= 1n;
  let text = '';
  for (let i = 0; i < 8; i += 1) text += CHECKSUM_CHARSET.charAt(Number((checksum >> BigInt(5 * (7 - i))) & 31n));
  return text;
}
