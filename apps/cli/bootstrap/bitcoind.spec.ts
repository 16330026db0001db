import { chooseMirror } from './bitcoind.mjs';

/** One line of `apt-get update --print-uris`. */
const line = (repository: string, place: string): string =>
  `'${repository}/dists/${place}/binary-amd64/Packages.xz' file 0 `;

describe('the choice of a Debian mirror', () => {
  it("takes the plain release of the machine's own sources, not security, updates or another vendor's", () => {
    const uris = [
      "'http://vendor.invalid/apt/dists/stable/InRelease' file 0 ",
      line('http://vendor.invalid/apt', 'stable/main'),
      line('http://other.invalid/linux/debian', 'bookworm/stable'),
      line('http://mirror.invalid/debian-security', 'bookworm-security/main'),
      line('http://mirror.invalid/debian', 'bookworm-updates/main'),
      line('http://mirror.invalid/debian', 'bookworm/main'),
    ];
    expect(chooseMirror(uris.join('\n'))).toBe('http://mirror.invalid/debian');
  });

  it('takes a mirror without updates where there is no other', () => {
    expect(chooseMirror(line('http://mirror.invalid/debian', 'sid/main'))).toBe('http://mirror.invalid/debian');
  });

  it('finds none where there is none', () => {
    expect(chooseMirror('')).toBeUndefined();
    expect(chooseMirror(line('http://mirror.invalid/ubuntu', 'noble/main'))).toBeUndefined();
  });
});
