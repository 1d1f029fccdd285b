/** @import { FrontendView, GroupView } from '../../model/view.ts' */

/** @typedef {'all' | 'problems' | 'served' | 'waiting'} Filter */
/** @typedef {{ readonly words: string, readonly filter: Filter, readonly className: string }} Search */

/** @type {readonly Filter[]} */
export const FILTERS = ['all', 'problems', 'served', 'waiting']

/**
 * Whether a proxy serves what it is asked about, or a frontend does what it should everywhere.
 *
 * @param {Pick<FrontendView, 'state'>} one
 */
export function isServing({ state }) {
  return state === 'served' || state === 'changing'
}

/** @type {Readonly<Record<Filter, (frontend: FrontendView) => boolean>>} */
const KINDS = {
  all: () => true,
  problems: (frontend) => frontend.trouble !== undefined || !isServing(frontend),
  // By one proxy at least: clients reach it.
  served: ({ on }) => on.some(isServing),
  waiting: ({ state }) => state === 'waiting',
}

/**
 * Whether a frontend is of a kind. One that is served by some of its proxies is of two.
 *
 * @param {FrontendView} frontend
 * @param {Filter} filter
 */
export function isOfKind(frontend, filter) {
  return KINDS[filter](frontend)
}

/**
 * Makes the search over the frontends of one view: each word must be somewhere in what is known of a frontend, the names of its targets among it.
 *
 * @param {readonly FrontendView[]} frontends
 * @param {readonly GroupView[]} groups
 * @returns {(search: Search) => readonly FrontendView[]}
 */
export function createSearch(frontends, groups) {
  const texts = frontends.map(textOf)
  const targets = groups.map((group) =>
    group.targets.map(({ name, address }) => `${name} ${address}`.toLowerCase()).join('\n'),
  )
  return ({ words, filter, className }) => {
    const all = words.toLowerCase().split(/\s+/).filter(Boolean)
    return frontends.filter((frontend, index) => {
      if (className !== '' && frontend.className !== className) return false
      if (!isOfKind(frontend, filter)) return false
      const text = texts[index] ?? ''
      return all.every((word) => text.includes(word) || targets[frontend.group ?? -1]?.includes(word))
    })
  }
}

/** @param {FrontendView} frontend */
function textOf({ socket, protocol, hosts, service, className, state, on, trouble, settings }) {
  const parts = [socket, protocol, ...hosts, service ?? 'configuration', className, state, trouble?.code, ...settings]
  return [...parts, ...on.map(({ proxy }) => proxy)].join('\n').toLowerCase()
}
