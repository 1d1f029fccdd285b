/** @import { FrontendView, Pulse, View } from '../../model/view.ts' */
/** @import { Filter } from './search.js' */
import { drawChanges } from './changes.js'
import { keepContact } from './contact.js'
import { byId, byIdOf, drawList, el } from './dom.js'
import { createList } from './list.js'
import { drawNodes, drawProxies } from './machines.js'
import { drawPicture } from './picture.js'
import { drawPools } from './pools.js'
import { createSearch, FILTERS, isOfKind } from './search.js'
import { drawTiles } from './tiles.js'
import { drawTroubles } from './troubles.js'
import { counted, number, since } from './words.js'

/** @type {{ view: View | undefined, search: ReturnType<typeof createSearch>, filter: Filter, chosen: string | undefined, lastContact: string | undefined, isTyped: boolean }} */
const page = {
  view: undefined,
  search: () => [],
  filter: 'all',
  chosen: undefined,
  lastContact: undefined,
  isTyped: false,
}

const searchField = byIdOf('search', HTMLInputElement)
const classField = byIdOf('class', HTMLSelectElement)
const list = createList(byId('list'), (frontend) => {
  page.chosen = frontend.id
  showPicture()
})

/** @param {string} words */
function find(words) {
  page.filter = 'all'
  searchField.value = words
  showList()
  const first = currentList()[0]
  if (first !== undefined) choose(first)
  byId('frontends').scrollIntoView()
  byId('list').focus({ preventScroll: true })
}

/** @param {FrontendView} frontend */
function choose(frontend) {
  page.chosen = frontend.id
  list.select(frontend.id)
  showPicture()
}

function currentList() {
  return page.search({ words: searchField.value, filter: page.filter, className: classField.value })
}

function showList() {
  const { view } = page
  if (view === undefined) return
  const found = currentList()
  const isEmpty = found.length === 0
  byId('list').hidden = isEmpty
  byId('none').hidden = !isEmpty
  byId('frontend-count').textContent =
    found.length === view.frontends.length
      ? number(found.length)
      : `${number(found.length)} of ${number(view.frontends.length)}`
  if (page.isTyped) byId('said').textContent = `${counted(found.length, 'frontend')} found`
  list.show(found, view.groups)
  drawFilters(view)
}

/** @param {View} view */
function drawFilters({ frontends }) {
  const filters = FILTERS.map((filter) => ({
    filter,
    count: frontends.filter((one) => isOfKind(one, filter)).length,
    isOn: filter === page.filter,
  }))
  const hasFocus = byId('filters').contains(document.activeElement)
  drawList(
    byId('filters'),
    filters,
    ({ filter }) => filter,
    ({ filter, count, isOn }) =>
      el(
        'button',
        { type: 'button', class: 'filter', 'aria-pressed': isOn ? 'true' : 'false', click: () => useFilter(filter) },
        `${filter} `,
        el('span', { class: 'count' }, number(count)),
      ),
  )
  // A button that was pressed is another element now.
  const pressed = byId('filters').querySelector('[aria-pressed=true]')
  if (hasFocus && pressed instanceof HTMLElement) pressed.focus()
}

/** @param {Filter} filter */
function useFilter(filter) {
  page.filter = filter
  page.isTyped = true
  showList()
}

function showPicture() {
  const { view } = page
  if (view === undefined) return
  drawPicture(
    byId('picture'),
    view.frontends.find(({ id }) => id === page.chosen),
    view,
  )
}

/** @param {View} view */
function showClasses({ classes }) {
  byId('class-label').hidden = classes.length < 2
  const chosen = classField.value
  const options = ['', ...classes.map(({ name }) => name)]
  drawList(
    classField,
    options,
    (name) => name,
    (name) => el('option', { value: name }, name === '' ? 'all' : name),
  )
  classField.value = options.includes(chosen) ? chosen : ''
}

/** @param {View} view */
function showView(view) {
  const before = page.view?.troubleCount
  page.view = view
  page.search = createSearch(view.frontends, view.groups)
  byId('content').hidden = false
  byId('cluster').textContent = view.cluster
  document.title = `${view.troubleCount > 0 ? `(${view.troubleCount}) ` : ''}Fairway ${view.cluster}`
  if (!view.frontends.some(({ id }) => id === page.chosen)) page.chosen = firstToShow(view)?.id
  drawTiles(view)
  drawTroubles(view, find)
  showClasses(view)
  showList()
  list.select(page.chosen)
  showPicture()
  drawPools(view, find)
  drawProxies(view, find)
  drawNodes(view, find)
  drawChanges(view)
  if (before !== undefined && before !== view.troubleCount)
    byId('said').textContent = counted(view.troubleCount, 'problem')
}

/**
 * One with a problem, if there is any.
 *
 * @param {View} view
 */
function firstToShow({ frontends }) {
  return frontends.find((one) => isOfKind(one, 'problems')) ?? frontends[0]
}

/** @param {Pulse} pulse */
function showPulse({ role, passes, troubles }) {
  page.lastContact = new Date().toISOString()
  const last = passes
    .map(({ endedAt }) => endedAt)
    .toSorted()
    .at(-1)
  const text = last === undefined ? 'Live, no pass yet' : `Live, last pass ${since(last, Date.now())} ago`
  showLive('live', text)
  const stale = Object.entries(troubles).map(
    ([name, message]) => `The operator's view of ${name} is not current: ${message}.`,
  )
  const following =
    role === 'following'
      ? [
          'This replica follows: another one does the work, and shows it. The Lease names its pod (kubectl get lease); forward a port to that one.',
        ]
      : []
  showNotice([...following, ...stale].join(' '))
  for (const time of document.querySelectorAll('time[data-ago]')) {
    const at = time.getAttribute('datetime')
    if (at !== null) time.textContent = `${since(at, Date.now())} ago`
  }
}

/**
 * @param {'live' | 'away'} state
 * @param {string} text
 */
function showLive(state, text) {
  const place = byId('live')
  place.dataset['state'] = state
  if (place.textContent !== text) place.textContent = text
}

/** @param {string} text */
function showNotice(text) {
  const place = byId('notice')
  if (place.textContent !== text) place.textContent = text
}

const contact = keepContact((news) => {
  byId('token-form').hidden = news.kind !== 'token'
  switch (news.kind) {
    case 'pulse':
      showPulse(news.pulse)
      if (news.view !== undefined) showView(news.view)
      break
    case 'token':
      byId('content').hidden = true
      showLive('away', 'Not signed in')
      showNotice(news.message)
      break
    case 'away':
      showLive('away', 'No contact')
      showNotice(
        `The operator does not answer (${news.message}). ${page.lastContact === undefined ? 'It is asked again.' : `What is shown is ${since(page.lastContact, Date.now())} old.`}`,
      )
      break
  }
})

searchField.addEventListener('input', () => {
  page.isTyped = true
  showList()
})
searchField.addEventListener('keydown', (event) => {
  if (event.key !== 'ArrowDown' && event.key !== 'Enter') return
  event.preventDefault()
  const first = currentList()[0]
  if (first === undefined) return
  choose(first)
  byId('list').focus()
})
classField.addEventListener('change', showList)
byId('token-form').addEventListener('submit', (event) => {
  event.preventDefault()
  const field = byIdOf('token', HTMLInputElement)
  contact.useToken(field.value.trim())
  field.value = ''
})
