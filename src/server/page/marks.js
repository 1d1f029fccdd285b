/** @import { FrontendView } from '../../model/view.ts' */
import { el } from './dom.js'
import { SIGNS, TONES } from './words.js'

/**
 * A sign for those who see; what it stands for is said in words beside it.
 *
 * @param {string} text
 */
export function sign(text) {
  return el('span', { class: 'sign', 'aria-hidden': 'true' }, text)
}

/**
 * A state in its colour, with its sign.
 *
 * @param {string} state
 * @param {string} [text] instead of the state's own name
 */
export function badge(state, text = state) {
  return el('span', { class: `state ${TONES[state]}` }, sign(SIGNS[state] ?? ''), text)
}

/**
 * Each proxy that shall have a frontend.
 *
 * @param {FrontendView['on']} on
 */
export function proxyChips(on) {
  return on.map(({ proxy, state }) =>
    el(
      'li',
      { class: `chip ${TONES[state]}` },
      sign(SIGNS[state] ?? ''),
      proxy,
      el('span', { class: 'unseen' }, ` ${state}`),
    ),
  )
}

/**
 * A button that looks like a link.
 *
 * @param {string} text
 * @param {() => void} act
 * @param {{ readonly label?: string, readonly isMono?: boolean }} [wishes]
 */
export function linkButton(text, act, { label, isMono = false } = {}) {
  return el('button', { type: 'button', class: isMono ? 'link mono' : 'link', 'aria-label': label, click: act }, text)
}
