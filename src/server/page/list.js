/** @import { FrontendView, GroupView } from '../../model/view.ts' */
import { el } from './dom.js'
import { frontendRow } from './list-row.js'

/** Rows that are drawn beyond both edges, so that scrolling shows no gap. */
const SPARE = 6

/**
 * @typedef {object} List
 * @property {(frontends: readonly FrontendView[], groups: readonly GroupView[]) => void} show
 * @property {(id: string | undefined) => void} select Marks a frontend, and brings it into sight.
 */

/**
 * What a list shows, and its rows that are drawn, by their places.
 *
 * @typedef {object} Shown
 * @property {HTMLElement} box
 * @property {HTMLElement} field As high as all rows together.
 * @property {Map<number, HTMLElement>} rows
 * @property {readonly FrontendView[]} frontends
 * @property {readonly GroupView[]} groups
 * @property {string | undefined} selected
 */

/**
 * A listbox of any length that draws only what is in sight. Arrows, Page Up and Down, Home and End move the choice.
 *
 * @param {HTMLElement} box
 * @param {(frontend: FrontendView) => void} onSelect
 * @returns {List}
 */
export function createList(box, onSelect) {
  const field = el('div', { role: 'presentation', class: 'list-field' })
  box.append(field)
  /** @type {Shown} */
  const shown = { box, field, rows: new Map(), frontends: [], groups: [], selected: undefined }
  /** @param {number} index */
  const choose = (index) => {
    const frontend = shown.frontends[Math.min(Math.max(index, 0), shown.frontends.length - 1)]
    if (frontend === undefined) return
    shown.selected = frontend.id
    reveal(shown)
    redraw(shown)
    onSelect(frontend)
  }
  box.addEventListener('scroll', () => draw(shown), { passive: true })
  box.addEventListener('keydown', (event) => {
    const step = stepOf(event.key, Math.max(1, Math.floor(box.clientHeight / rowHeight(box)) - 1))
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    choose(placeOf(shown) + step)
  })
  box.addEventListener('click', (event) => {
    const row = event.target instanceof Element ? event.target.closest('[role=option]') : null
    if (row !== null) choose(Number(row.getAttribute('data-index')))
  })
  new ResizeObserver(() => redraw(shown)).observe(box)
  return {
    show: (frontends, groups) => {
      Object.assign(shown, { frontends, groups })
      redraw(shown)
    },
    select: (id) => {
      shown.selected = id
      reveal(shown)
      redraw(shown)
    },
  }
}

/**
 * The style sheet says how high a row is: it depends on the width.
 *
 * @param {HTMLElement} box
 */
function rowHeight(box) {
  return Number.parseFloat(getComputedStyle(box).getPropertyValue('--row')) || 44
}

/** @param {Shown} shown */
function placeOf({ frontends, selected }) {
  return frontends.findIndex(({ id }) => id === selected)
}

/**
 * Draws the rows in sight, and the chosen one wherever it is: assistive technology is pointed at it.
 *
 * @param {Shown} shown
 */
function draw(shown) {
  const { box, field, rows, frontends, groups, selected } = shown
  const height = rowHeight(box)
  const first = Math.max(0, Math.floor(box.scrollTop / height) - SPARE)
  const last = Math.min(frontends.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + SPARE)
  const wanted = new Set(Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index))
  const chosen = placeOf(shown)
  if (chosen >= 0) wanted.add(chosen)
  for (const [index, element] of rows) {
    if (wanted.has(index)) continue
    element.remove()
    rows.delete(index)
  }
  for (const index of wanted) {
    const frontend = frontends[index]
    if (frontend === undefined || rows.has(index)) continue
    const place = { index, count: frontends.length, isSelected: frontend.id === selected }
    const element = frontendRow(frontend, place, groups)
    element.style.transform = `translateY(${index * height}px)`
    rows.set(index, element)
    field.append(element)
  }
  if (chosen < 0) box.removeAttribute('aria-activedescendant')
  else box.setAttribute('aria-activedescendant', `frontend-${chosen}`)
}

/** @param {Shown} shown */
function redraw(shown) {
  for (const element of shown.rows.values()) element.remove()
  shown.rows.clear()
  shown.field.style.height = `${shown.frontends.length * rowHeight(shown.box)}px`
  draw(shown)
}

/** @param {Shown} shown */
function reveal(shown) {
  const { box } = shown
  const [at, height] = [placeOf(shown), rowHeight(box)]
  if (at < 0) return
  if (at * height < box.scrollTop) box.scrollTop = at * height
  else if ((at + 1) * height > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * height - box.clientHeight
}

/**
 * By how many rows a key moves the choice.
 *
 * @param {string} key
 * @param {number} page rows in sight
 * @returns {number | undefined}
 */
function stepOf(key, page) {
  switch (key) {
    case 'ArrowDown':
      return 1
    case 'ArrowUp':
      return -1
    case 'PageDown':
      return page
    case 'PageUp':
      return -page
    case 'Home':
      return Number.NEGATIVE_INFINITY
    case 'End':
      return Number.POSITIVE_INFINITY
    default:
      return undefined
  }
}
