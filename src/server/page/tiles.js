/** @import { PoolView, View } from '../../model/view.ts' */
import { byId, drawList, el } from './dom.js'
import { isOfKind } from './search.js'
import { number, shortNumber } from './words.js'

/** @typedef {{ readonly name: string, readonly value: string, readonly of: string, readonly tone: string, readonly href: string }} Tile */

/**
 * The whole in five numbers, each a way to its part of the page.
 *
 * @param {View} view
 */
export function drawTiles({ frontends, classes, nodes, troubleCount }) {
  const served = frontends.filter((one) => isOfKind(one, 'served')).length
  const proxies = classes.flatMap((one) => one.proxies)
  const well = proxies.filter(({ state }) => state === 'reachable').length
  const ready = nodes.filter(({ state }) => state === 'ready').length
  const pools = classes.flatMap((one) => one.pools)
  const tiles = [
    tile('Problems', number(troubleCount), '', troubleCount === 0 ? 'good' : 'bad', '#problems'),
    shareTile('Frontends served', served, frontends.length, '#frontends'),
    shareTile('Proxies reachable', well, proxies.length, '#proxies'),
    shareTile('Nodes ready', ready, nodes.length, '#nodes'),
    ...pools
      .toSorted((a, b) => compareFree(a.free, b.free))
      .slice(0, 1)
      .map(poolTile),
  ]
  drawList(byId('tiles'), tiles, ({ name }) => name, drawTile)
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} of
 * @param {string} tone
 * @param {string} href
 * @returns {Tile}
 */
function tile(name, value, of, tone, href) {
  return { name, value, of, tone, href }
}

/**
 * @param {string} name
 * @param {number} some
 * @param {number} all
 * @param {string} href
 */
function shareTile(name, some, all, href) {
  return tile(name, number(some), ` of ${number(all)}`, some === all ? 'good' : some === 0 ? 'bad' : 'warn', href)
}

/**
 * Decimal texts of any length.
 *
 * @param {string} a
 * @param {string} b
 */
function compareFree(a, b) {
  return a.length - b.length || (a < b ? -1 : 1)
}

/**
 * The pool that will be empty first.
 *
 * @param {PoolView} pool
 */
function poolTile({ name, free, total }) {
  return tile(
    `Addresses free in ${name}`,
    shortNumber(free),
    ` of ${shortNumber(total)}`,
    free === '0' ? 'bad' : 'good',
    '#pools',
  )
}

/** @param {Tile} tile */
function drawTile({ name, value, of, tone, href }) {
  const text = el('span', { class: 'value' }, value, of !== '' && el('small', {}, of))
  return el('li', { class: `tile ${tone}` }, el('a', { href }, text, el('span', { class: 'name' }, name)))
}
