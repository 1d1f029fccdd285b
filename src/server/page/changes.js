/** @import { ChangeView, View } from '../../model/view.ts' */
import { byId, drawList, el } from './dom.js'
import { number, since } from './words.js'

/** @param {View} view */
export function drawChanges({ changes }) {
  byId('no-changes').hidden = changes.length > 0
  drawList(byId('change-list'), changes, ({ id }) => String(id), changeCard)
}

/** @param {ChangeView} change */
function changeCard({ at, proxy, className, added, updated, removed, lines, tookMs, failure }) {
  const items = lines.map((text) => el('li', { class: TONES[text.slice(0, 1)] ?? 'faint' }, text))
  return el(
    'details',
    { class: `card change${failure === undefined ? '' : ' bad'}` },
    el(
      'summary',
      {},
      el('time', { datetime: at, title: at, 'data-ago': '' }, `${since(at, Date.now())} ago`),
      el('strong', {}, proxy),
      el('span', { class: 'faint' }, `class ${className}`),
      el(
        'span',
        { class: 'delta' },
        amount('good', '+', added, 'added'),
        amount('warn', '~', updated, 'changed'),
        amount('bad', '−', removed, 'removed'),
      ),
      el('span', { class: 'faint' }, failure === undefined ? `in ${number(tookMs)} ms` : 'failed'),
    ),
    failure !== undefined && el('p', { class: 'remark' }, failure),
    el('ol', { class: 'diff mono', tabindex: 0, 'aria-label': `What changed on ${proxy}` }, ...items),
  )
}

/** @type {Readonly<Record<string, string>>} */
const TONES = { '+': 'good', '~': 'warn', '-': 'bad' }

/**
 * @param {string} tone
 * @param {string} mark
 * @param {number} count
 * @param {string} word
 */
function amount(tone, mark, count, word) {
  return (
    count > 0 && el('span', { class: tone }, `${mark}${number(count)}`, el('span', { class: 'unseen' }, ` ${word}`))
  )
}
