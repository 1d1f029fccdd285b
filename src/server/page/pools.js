/** @import { AddressView, PoolView, View } from '../../model/view.ts' */
/** @import { Find } from './troubles.js' */
import { byId, drawList, el } from './dom.js'
import { linkButton } from './marks.js'
import { counted, freeRuns, number, shortNumber } from './words.js'

/** @typedef {PoolView & { readonly className: string, readonly isDefault: boolean }} Pool */

/**
 * @param {View} view
 * @param {Find} find
 */
export function drawPools({ classes }, find) {
  const pools = classes.flatMap((one) =>
    one.pools.map((pool) => ({ ...pool, className: one.name, isDefault: one.default })),
  )
  const place = byId('pool-list')
  drawList(
    place,
    pools,
    ({ className, name }) => `${className} ${name}`,
    (pool) => poolCard(pool, find),
  )
}

/**
 * @param {Pool} pool
 * @param {Find} find
 */
function poolCard(pool, find) {
  const { name, className, isDefault, ranges, used, free, total, isWhole } = pool
  const isFull = free === '0'
  return el(
    'article',
    { class: 'card pool' },
    el('h3', {}, name, el('span', { class: 'faint' }, ` class ${className}${isDefault ? ' (default)' : ''}`)),
    el('p', { class: 'mono faint' }, ranges.join(', ')),
    el(
      'p',
      {},
      el('strong', {}, number(used)),
      ' used, ',
      el('strong', { class: isFull ? 'bad' : '' }, shortNumber(free)),
      ` free of ${shortNumber(total)}`,
    ),
    el('meter', {
      class: isFull ? 'full' : '',
      min: 0,
      max: Math.max(Number(total), 1),
      value: used,
      'aria-label': `${number(used)} of ${shortNumber(total)} addresses used`,
    }),
    isWhole && cells(pool),
    addressList(pool, find),
  )
}

/**
 * A square for each address: used or free at a glance. Those who listen have the list.
 *
 * @param {Pool} pool
 */
function cells({ addresses }) {
  const all = addresses.map(({ address, users }) =>
    el('span', { class: users > 0 ? 'cell used' : 'cell', title: `${address}: ${sayUsers(users)}` }),
  )
  return el('div', { class: 'cells', 'aria-hidden': 'true' }, ...all)
}

/** @param {AddressView['users']} users */
function sayUsers(users) {
  return users === 0 ? 'free' : counted(users, 'user')
}

/**
 * @param {Pool} pool
 * @param {Find} find
 */
function addressList(pool, find) {
  const taken = pool.addresses.filter(({ users }) => users > 0)
  const items = taken.map(({ address, users }) =>
    el(
      'li',
      {},
      linkButton(address, () => find(address), { isMono: true }),
      el('span', { class: 'faint' }, ` ${sayUsers(users)}`),
    ),
  )
  const runs = pool.isWhole ? freeRuns(pool) : []
  const rest = pool.used - taken.length
  return el(
    'details',
    {},
    el('summary', {}, 'Addresses'),
    taken.length > 0 && el('ul', { class: 'plain', tabindex: 0, 'aria-label': 'Addresses in use' }, ...items),
    rest > 0 && el('p', { class: 'faint' }, `and ${number(rest)} more in use`),
    runs.length > 0 && el('p', {}, 'Free: ', el('span', { class: 'mono' }, runs.join(', '))),
  )
}
