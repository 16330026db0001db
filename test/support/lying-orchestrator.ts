import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layoutOf } from '../../apps/cli/src/stack/index.js';
import { bulkheadCli, type CliAnswer } from './bulkhead-cli.js';

/** Changes what the API says. */
export type Lie = (path: string, body: unknown) => unknown;

/** Stands between members' terminals and the orchestrator: it forwards all, and lies in its answers. */
export class LyingOrchestrator {
  lie: Lie = (_path, body) => body;
  /** Every body that was sent to the API through it. */
  readonly sent: string[] = [];
  private readonly root = mkdtempSync(join(tmpdir(), 'bulkhead-lied-to-'));
  private readonly server = createServer((request, response) => void this.forward(request, response));

  private constructor(private readonly url: string) {}

  /** @param stateFolder of the stack whose orchestrator it stands in front of */
  static async start(stateFolder: string): Promise<LyingOrchestrator> {
    const real = layoutOf(stateFolder);
    const file = JSON.parse(readFileSync(real.stackFile, 'utf8')) as { urls: { orchestrator: string } };
    const liar = new LyingOrchestrator(file.urls.orchestrator);
    await new Promise<void>((resolve) => liar.server.listen(0, '127.0.0.1', resolve));
    const orchestrator = `http://127.0.0.1:${(liar.server.address() as AddressInfo).port}`;
    const { stackFile, members, genesis } = layoutOf(liar.root);
    writeFileSync(stackFile, JSON.stringify({ ...file, urls: { ...file.urls, orchestrator } }));
    symlinkSync(real.members, members);
    symlinkSync(real.genesis, genesis);
    return liar;
  }

  /** What a member types, at a terminal that knows no other orchestrator. */
  cli(...typed: readonly string[]): Promise<CliAnswer> {
    return bulkheadCli(this.root, ...typed);
  }

  stop(): void {
    this.server.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  private async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    if (body !== '') this.sent.push(body);
    const { method = 'GET', url = '/' } = request;
    const answer = await fetch(`${this.url}${url}`, {
      method,
      headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
      ...(body !== '' && { body }),
    });
    const told = JSON.stringify(this.lie(url, await answer.json()));
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(told);
  }
}
