import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const throughTheIndex = {
  group: ['@bulkhead/*/*', '**/libs/*/**', '**/libs/*'],
  message: 'A lib is entered through its index only: import from @bulkhead/<lib>.',
};
const noApps = {
  group: ['**/apps/**', '@bulkhead/orchestrator*', '@bulkhead/signer*'],
  message: 'A lib never imports an app.',
};
const boundary = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
const noWorld = ['net', 'http', 'https', 'http2', 'tls', 'dgram', 'dns'].flatMap((name) => [name, `node:${name}`]);

/** The rules of the house (docs/architecture.md, "Layout"): each boundary is one entry below. */
export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', 'node_modules/**', '.bulkhead/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['apps/*/src/**/*.ts'],
    rules: {
      '@typescript-eslint/consistent-type-imports': 'off',
      // NestJS declares its bags of options as classes
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      ...boundary(throughTheIndex),
    },
  },
  {
    files: ['apps/signer/src/**/*.ts'],
    rules: boundary(throughTheIndex, {
      group: ['**/orchestrator/**', '**/cli/**', '\\#bootstrap/*'],
      message: 'The signer imports no other app.',
    }),
  },
  {
    files: ['apps/orchestrator/src/**/*.ts'],
    rules: boundary(throughTheIndex, {
      group: ['**/signer/src/**', '**/cli/**', '\\#bootstrap/*'],
      message: 'The orchestrator imports no other app.',
    }),
  },
  {
    files: ['libs/*/src/**/*.ts'],
    rules: boundary(noApps, {
      group: ['@bulkhead/*/*', '../../../*', '../../*/src/*'],
      message: 'A lib imports another lib only through its index.',
    }),
  },
  {
    // what stands in for members, tokens and nodes in tests is shared in test/support
    files: ['libs/*/src/**/*.spec.ts'],
    rules: boundary(noApps, {
      group: ['@bulkhead/*/*', '../../../!(test)/**', '../../*/src/*'],
      message: 'A spec imports other libs through their index, and helpers from test/support.',
    }),
  },
  {
    files: ['libs/*/src/**/*.ts'],
    ignores: ['libs/*/src/**/*.spec.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['fetch', 'WebSocket', 'EventSource'].map((name) => ({ name, message: 'Libs are pure: no network.' })),
      ],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: noWorld.map((name) => ({ name, message: 'Libs are pure TypeScript: no network.' })),
          patterns: [
            {
              group: [
                '@nestjs/*',
                'typeorm',
                'pg',
                'pg-boss',
                'fastify',
                'undici',
                'ethers/providers',
                '\\#bootstrap/*',
              ],
              message: 'Libs are pure TypeScript: no NestJS, no database, no network.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'ImportExpression', message: 'Import at the top of the file, where the boundaries are checked.' },
      ],
    },
  },
  {
    // a suite may start an app's parts, and share what the specs of a lib stand on
    files: ['test/**/*.ts'],
    rules: boundary({ ...throughTheIndex, group: ['@bulkhead/*/*', '**/libs/*/src/**'] }),
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        Buffer: 'readonly',
        fetch: 'readonly',
        URL: 'readonly',
        clearTimeout: 'readonly',
        AbortSignal: 'readonly',
      },
    },
  },
);
