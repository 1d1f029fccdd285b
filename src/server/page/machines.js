/** @import { NodeView, ProxyView, View } from '../../model/view.ts' */
/** @import { Find } from './troubles.js' */
import { byId, drawList, el } from './dom.js'
import { badge, linkButton } from './marks.js'
import { counted, number, TONES } from './words.js'

/**
 * @param {View} view
 * @param {Find} find
 */
export function drawProxies({ classes }, find) {
  const proxies = classes.flatMap((one) => one.proxies.map((proxy) => ({ ...proxy, className: one.name })))
  const place = byId('proxy-list')
  drawList(
    place,
    proxies,
    ({ className, name }) => `${className} ${name}`,
    (proxy) => proxyCard(proxy, find),
  )
}

/**
 * @param {ProxyView & { readonly className: string }} proxy
 * @param {Find} find
 */
function proxyCard({ name, className, endpoint, state, frontends, refused, pending }, find) {
  const facts = [
    frontends === undefined ? 'what it serves is not known' : `serves ${counted(frontends, 'frontend')}`,
    ...(refused > 0 ? [`${number(refused)} refused`] : []),
    ...(pending > 0 ? [`${counted(pending, 'change')} to be made`] : []),
  ]
  return el(
    'article',
    { class: `card proxy ${TONES[state]}` },
    el('h3', {}, name, el('span', { class: 'faint' }, ` class ${className}`), badge(state)),
    el('p', { class: 'mono faint' }, endpoint),
    el(
      'p',
      {},
      `${facts.join(', ')} `,
      linkButton('Show', () => find(name), { label: `Show the frontends of ${name}` }),
    ),
  )
}

/** Nodes that are listed, those with something wrong first. */
const MOST_NODES = 60

/**
 * @param {View} view
 * @param {Find} find
 */
export function drawNodes({ nodes }, find) {
  byId('node-count').textContent = number(nodes.length)
  const sorted = nodes.toSorted((a, b) => Number(a.state === 'ready') - Number(b.state === 'ready'))
  drawList(
    byId('node-rows'),
    sorted.slice(0, MOST_NODES),
    ({ name }) => name,
    (node) => nodeRow(node, find),
  )
  const rest = nodes.length - MOST_NODES
  byId('node-rest').textContent = rest > 0 ? `and ${counted(rest, 'node')} more: the search finds them by name` : ''
}

/**
 * @param {NodeView} node
 * @param {Find} find
 */
function nodeRow({ name, state, addresses, frontends }, find) {
  return el(
    'tr',
    {},
    el(
      'th',
      { scope: 'row' },
      linkButton(name, () => find(name), { label: `Show the frontends of node ${name}` }),
    ),
    el('td', {}, badge(state)),
    el('td', { class: 'mono faint' }, addresses.filter((address) => address !== name).join(' ')),
    el('td', { class: 'number' }, number(frontends)),
  )
}
