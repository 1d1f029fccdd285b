/** @import { FrontendView, TargetView } from '../../model/view.ts' */
import { el } from './dom.js'
import { badge, proxyChips } from './marks.js'
import { splitSocket, TONES } from './words.js'

/** A place in the picture that ways lead from and to. @typedef {{ readonly id: string, readonly element: HTMLElement }} Box */

/** @param {TargetView} target */
export function idOf({ address, port }) {
  return `t ${address} ${port ?? ''}`
}

/** @typedef {ReadonlyMap<string, string>} NodeStates */

/**
 * @param {TargetView} target
 * @param {NodeStates} states
 */
function healthOf({ name, draining }, states) {
  return draining ?? states.get(name) ?? 'ready'
}

/**
 * @param {TargetView} target
 * @param {NodeStates} states
 */
export function toneOf(target, states) {
  return TONES[healthOf(target, states)] ?? 'good'
}

/**
 * Healthy ones last.
 *
 * @param {TargetView} target
 * @param {NodeStates} states
 */
export function rankOf(target, states) {
  return healthOf(target, states) === 'ready' ? 1 : 0
}

/** @param {string} address */
export function addressBox(address) {
  return { id: `a ${address}`, element: el('li', { class: 'box mono' }, address) }
}

/**
 * @param {FrontendView} frontend
 * @param {boolean} isChosen
 */
export function frontendBox({ id, socket, protocol, hosts, on, state }, isChosen) {
  const element = el(
    'li',
    { class: `box ${TONES[state]}${isChosen ? ' chosen' : ''}`, 'aria-current': isChosen ? 'true' : undefined },
    el('span', { class: 'mono' }, `:${splitSocket(socket ?? '')[1]}`),
    el('span', { class: 'faint' }, ` ${protocol}`),
    hosts.length > 0 && el('span', { class: 'hosts' }, hosts.join(', ')),
    el('ul', { class: 'chips', 'aria-label': 'Proxies' }, ...proxyChips(on)),
  )
  return { id: `f ${id}`, element }
}

/** @param {FrontendView} frontend */
export function serviceBox({ service, targetPort, state }) {
  const [namespace, name] = service?.split('/') ?? ['', 'the configuration']
  const element = el(
    'li',
    { class: `box ${TONES[state]}` },
    namespace !== '' && el('span', { class: 'faint' }, `${namespace}/`),
    el('strong', {}, name),
    targetPort !== undefined && el('span', { class: 'faint line' }, `to port ${targetPort}`),
  )
  return { id: 's', element }
}

/**
 * @param {TargetView} target
 * @param {NodeStates} states
 */
export function targetBox(target, states) {
  const health = healthOf(target, states)
  const port = target.port === undefined ? '' : ` :${target.port}`
  const element = el(
    'li',
    { class: `box ${TONES[health]}` },
    badge(health, target.name),
    el('span', { class: 'faint line mono' }, `${target.address}${port}`),
    health !== 'ready' && el('span', { class: 'line' }, health),
  )
  return { id: idOf(target), element }
}
