import { createServer } from 'node:net';
import {
  choosePorts,
  DEFAULT_PORTS,
  freePort,
  freePorts,
  isFree,
  parsePort,
  portVariable,
  requireFree,
} from './ports.js';

describe('ports', () => {
  it.each(['1', '80', '65535'])('reads %s', (text) => {
    expect(parsePort(text, 'x')).toBe(Number.parseInt(text, 10));
  });

  it.each(['', '0', '65536', '-1', '7.5', '7e3', '0x50', ' 80', '999999', 'http'])(
    'refuses %j and says where it came from',
    (text) => {
      expect(() => parsePort(text, '--port-anvil')).toThrow(/--port-anvil is ".*", which is not a port/);
    },
  );

  it('prefers the command line to the environment, and that to the default', () => {
    const env = { [portVariable('signer-a')]: '8001', [portVariable('anvil')]: '8002', [portVariable('bitcoind')]: '' };
    const ports = choosePorts(DEFAULT_PORTS, env, { anvil: '9002' });
    expect(ports).toEqual({ ...DEFAULT_PORTS, 'signer-a': 8001, anvil: 9002 });
  });

  it('names the variable after the part', () => {
    expect(portVariable('signer-a')).toBe('BULKHEAD_PORT_SIGNER_A');
    expect(portVariable('signer-a-door')).toBe('BULKHEAD_PORT_SIGNER_A_DOOR');
  });

  it('refuses one port for two parts', () => {
    expect(() => choosePorts(DEFAULT_PORTS, {}, { anvil: String(DEFAULT_PORTS.postgres) })).toThrow(
      /both postgres and anvil/,
    );
  });

  it('finds free ports, all different', async () => {
    const ports = Object.values(await freePorts());
    expect(new Set(ports).size).toBe(12);
  });

  it('sees that a port is taken, and by whom', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect(await isFree(port)).toBe(false);
    await expect(requireFree('anvil', port)).rejects.toThrow(
      new RegExp(`Port ${port}, wanted for anvil, is taken[^]*--port-anvil <port>[^]*BULKHEAD_PORT_ANVIL`),
    );
    await new Promise((resolve) => server.close(resolve));
    await expect(requireFree('anvil', port)).resolves.toBeUndefined();
  });
});
