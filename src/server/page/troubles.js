/** @import { TroubleView, View } from '../../model/view.ts' */
import { byId, drawList, el } from './dom.js'
import { linkButton, sign } from './marks.js'
import { counted, groupTroubles, number } from './words.js'

/** Called with words to search the frontends for. @typedef {(words: string) => void} Find */

/**
 * The problems, each with what to do about it. Many of one code become one, with all of them behind it.
 *
 * @param {View} view
 * @param {Find} find
 */
export function drawTroubles({ troubles, troubleCount }, find) {
  byId('problem-count').textContent = troubleCount === 0 ? '' : number(troubleCount)
  const rest = troubleCount - troubles.length
  byId('problem-rest').textContent =
    rest > 0 ? `and ${counted(rest, 'problem')} more: kubectl fairway status -o json has all` : ''
  byId('all-well').hidden = troubleCount > 0
  drawList(byId('problem-list'), groupTroubles(troubles), keyOf, ({ all }) => troubleCard(all, find))
}

/** @param {{ readonly all: readonly TroubleView[] }} group */
function keyOf({ all: [first, second] }) {
  return `${second !== undefined} ${first?.code} ${first?.about} ${first?.message}`
}

/**
 * @param {readonly TroubleView[]} all at least one
 * @param {Find} find
 */
function troubleCard(all, find) {
  const [first] = all
  if (first === undefined) return el('article')
  const { about, code, message, remedy } = first
  const isMany = all.length > 1
  const isGrave = !about.startsWith('Service ')
  const title = isMany ? counted(all.length, about.split(' ')[0] ?? '') : about
  return el(
    'article',
    { class: `card trouble ${isGrave ? 'bad' : 'warn'}` },
    el('h3', {}, sign(isGrave ? '✕' : '▲'), title, ' ', el('code', {}, code), !isMany && showButton(about, find)),
    el('p', {}, `${message}.`),
    el('p', { class: 'remedy' }, el('span', { class: 'unseen' }, 'What to do: '), remedy),
    isMany && alike(all, find),
  )
}

/**
 * @param {readonly TroubleView[]} all
 * @param {Find} find
 */
function alike(all, find) {
  const items = all.map(({ about, message }) => el('li', {}, showButton(about, find, about), ` ${message}.`))
  const list = el('ul', { class: 'plain', tabindex: 0, 'aria-label': 'All of them' }, ...items)
  return el('details', {}, el('summary', {}, `All ${number(all.length)}`), list)
}

/**
 * @param {string} about
 * @param {Find} find
 * @param {string} text
 */
function showButton(about, find, text = 'Show') {
  const [kind, name = ''] = about.split(' ')
  if (kind !== 'Service' && kind !== 'proxy') return undefined
  return linkButton(text, () => find(name), { label: `Show ${about} among the frontends` })
}
