// @ts-check
/**
 * Draws what a terminal showed as an SVG:
 *   (echo '$ npm run demo'; npm run --silent demo) | node docs/make-story-svg.mjs > docs/story.svg
 * It colours lines by their form and changes no word of them.
 */
import { readFileSync } from 'node:fs';

const CHARACTER = 7.8;
const LINE = 18;
const MARGIN = 18;
const BAR = 30;
const COLOURS = {
  plain: '#d5dbe3',
  dim: '#8593a5',
  title: '#ffffff',
  good: '#5fd38d',
  bad: '#ff7b72',
  refused: '#f2b35e',
};

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** @param {string} text @returns {{ column: number, text: string }[]} words that one space parts stay together */
const pieces = (text) =>
  [...text.matchAll(/[✓✗]|[^\s✓✗]+(?: [^\s]+)*/gu)].map((m) => ({ column: m.index, text: m[0] }));

/** @param {string} piece @param {string} line */
function colourOf(piece, line) {
  if (piece === '✓') return COLOURS.good;
  if (piece === '✗') return COLOURS.bad;
  if (piece.startsWith('refused: ')) return COLOURS.refused;
  if (/^\S/.test(line)) return COLOURS.title;
  if (!/^ {2}✓/u.test(line)) return /^ {2}(alpha|beta|house|owner) /.test(line) ? COLOURS.plain : COLOURS.dim;
  return /^(charter|block follower|orchestrator|API|signer-a|reconciliation)/.test(piece) ? COLOURS.dim : COLOURS.plain;
}

const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * CHARACTER + 2 * MARGIN);
const height = lines.length * LINE + 2 * MARGIN + BAR;
const rows = lines.flatMap((line, row) =>
  pieces(line).map(({ column, text }) => {
    const x = (MARGIN + column * CHARACTER).toFixed(1);
    const y = BAR + MARGIN + row * LINE + 12;
    return `<text x="${x}" y="${y}" fill="${colourOf(text, line)}">${escaped(text)}</text>`;
  }),
);
const buttons = ['#ff5f57', '#febc2e', '#28c840'].map(
  (fill, i) => `<circle cx="${20 + 20 * i}" cy="17" r="6" fill="${fill}"/>`,
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="What npm run demo prints" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13">
<rect width="${width}" height="${height}" rx="10" fill="#10151c"/>
${buttons.join('')}
${rows.join('\n')}
</svg>`);
