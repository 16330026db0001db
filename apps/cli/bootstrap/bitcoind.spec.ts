import { chooseMirror } from './bitcoind.mjs';

describe('the choice of a Debian mirror', () => {
  it("takes the plain release of the machine's own sources, not security, updates or another vendor's", () => {
    const targets = [
      'Packages main sid-vendor http://vendor.invalid/apt/',
      'Packages main bookworm-security http://mirror.invalid/debian-security/',
      'Packages main bookworm-updates http://mirror.invalid/debian/',
      'Translations main bookworm http://mirror.invalid/translations/',
      'Packages main bookworm http://mirror.invalid/debian/',
      'Packages contrib bookworm http://other.invalid/debian/',
    ];
    expect(chooseMirror(targets.join('\n'))).toBe('http://mirror.invalid/debian/');
  });

  it('finds none where there is none', () => {
    expect(chooseMirror('')).toBeUndefined();
    expect(chooseMirror('Packages main noble http://mirror.invalid/ubuntu/')).toBeUndefined();
  });
});
