import { adviceFor } from './system-packages.mjs';

describe('advice after a failed apt-get', () => {
  it.each([
    ['E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt-get)', /wait for its end/],
    ["E: You don't have enough free space in /var/cache/apt/archives/.", /disk is full/],
    ['sudo: a password is required', /sudo does not let this user install/],
    ['eva is not in the sudoers file.', /sudo does not let this user install/],
    [
      "W: Failed to fetch http://deb.example/dists/bookworm/InRelease  Could not resolve 'deb.example'",
      /mirror .* reached/,
    ],
    ['E: Something new', /^Mend that/],
  ])('to "%s"', (said, advice) => {
    expect(adviceFor(said)).toMatch(advice);
  });
});
