import { descriptorChecksum } from '@bulkhead/bitcoin';

describe('the descriptor checksum (BIP-380)', () => {
  it('is the one of the BIP’s test vector', () => {
    expect(descriptorChecksum('raw(deadbeef)')).toBe('89f8spxm');
  });

  it('changes with a single character', () => {
    expect(descriptorChecksum('raw(deedbeef)')).not.toBe('89f8spxm');
  });

  it('cannot be made of characters that no descriptor has', () => {
    expect(() => descriptorChecksum('raw(Ü)')).toThrow(TypeError);
  });
});
