// @ts-check
import { join } from 'node:path';
import { projectFolder } from './project.mjs';

/** What is started again and again. Each becomes one file, `dist/apps/<app>/main.js`, and starts in half the time. */
const APPS = ['orchestrator', 'signer', 'cli'];

/**
 * Left in node_modules: what loads a native library, WebAssembly or other files that lie beside it, and what finds its
 * own parts while it runs.
 */
const NOT_BUNDLED = [
  '#bootstrap/*',
  '@cedar-policy/cedar-wasm',
  '@fastify/static',
  'graphene-pk11',
  'pino',
  'pkcs11js',
  'swagger-ui-dist',
  'tiny-secp256k1',
  'typeorm',
];

/** Packages of CommonJS ask for those of Node by `require`, which a module does not have. */
const REQUIRE = "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);";

/**
 * Puts each program in dist/ into one file with the packages that it imports, as they are: names and lines stay readable.
 * Loading thousands of small files is most of what starting takes.
 */
export async function bundle() {
  const { build } = await import('esbuild'); // comes with `npm ci`, which this folder's programs do not wait for
  const dist = join(projectFolder, 'dist');
  await build({
    absWorkingDir: projectFolder,
    entryPoints: APPS.map((app) => ({ in: join(dist, `apps/${app}/src/main.js`), out: `apps/${app}/main` })),
    outdir: dist,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    keepNames: true, // TypeORM names tables, and Nest its loggers, after classes
    external: NOT_BUNDLED,
    plugins: [{ name: 'optional packages', setup: leaveOutWhatIsMissing }],
    banner: { js: REQUIRE },
    logLevel: 'silent',
  });
}

/**
 * Nest and TypeORM look whether optional packages are there, which must go on being decided when they look.
 * @param {import('esbuild').PluginBuild} build
 */
function leaveOutWhatIsMissing(build) {
  const asked = Symbol('asked');
  build.onResolve({ filter: /^[^./#]/ }, async ({ path, resolveDir, kind, importer, pluginData }) => {
    if (pluginData === asked) return undefined;
    const { errors } = await build.resolve(path, { resolveDir, kind, importer, pluginData: asked });
    return errors.length > 0 ? { path, external: true } : undefined;
  });
}

if (import.meta.filename === process.argv[1]) await bundle();
