/** @import { FrontendView, GroupView } from '../../model/view.ts' */
import { el } from './dom.js'
import { badge } from './marks.js'
import { isServing } from './search.js'
import { counted } from './words.js'

/**
 * One line of the list of frontends, as an option of its listbox.
 *
 * @param {FrontendView} frontend
 * @param {{ readonly index: number, readonly count: number, readonly isSelected: boolean }} place
 * @param {readonly GroupView[]} groups
 */
export function frontendRow(frontend, { index, count, isSelected }, groups) {
  return el(
    'div',
    {
      role: 'option',
      id: `frontend-${index}`,
      class: 'list-row columns',
      'data-index': index,
      'aria-selected': isSelected ? 'true' : 'false',
      'aria-posinset': index + 1,
      'aria-setsize': count,
    },
    badge(frontend.state),
    addressCell(frontend),
    el('span', { class: 'service' }, frontend.service ?? 'the configuration'),
    targetCell(frontend, groups),
    el('span', { class: 'on' }, sayProxies(frontend)),
  )
}

/** @param {FrontendView} frontend */
function addressCell({ socket, protocol, hosts }) {
  return el(
    'span',
    { class: 'address' },
    el('span', { class: socket === undefined ? 'faint' : 'mono' }, socket ?? 'no address'),
    el('span', { class: 'faint' }, ` ${protocol}`),
    hosts.length > 0 && el('span', { class: 'hosts' }, hosts.join(', ')),
  )
}

/**
 * @param {FrontendView} frontend
 * @param {readonly GroupView[]} groups
 */
function targetCell({ socket, group, targetPort }, groups) {
  const targets = groups[group ?? -1]?.targets.length ?? 0
  return el(
    'span',
    { class: 'leads' },
    targets > 0 ? counted(targets, 'target') : socket !== undefined && 'nowhere',
    targets > 0 && targetPort !== undefined && el('span', { class: 'faint' }, ` :${targetPort}`),
  )
}

/**
 * The names of the proxies that serve it.
 *
 * @param {FrontendView} frontend
 */
function sayProxies({ on }) {
  const names = on.filter(isServing).map(({ proxy }) => proxy)
  return names.length === 0 && on.length > 0 ? 'none' : names.join(', ')
}
