/** @import { Box } from './picture-boxes.js' */
/** @import { FrontendView, TargetView, View } from '../../model/view.ts' */
import { el } from './dom.js'
import { badge } from './marks.js'
import { addressBox, frontendBox, idOf, rankOf, serviceBox, targetBox, toneOf } from './picture-boxes.js'
import { counted, since as sinceText, splitSocket, TONES } from './words.js'

/** Boxes of a column before the rest is a count. */
const MOST_BOXES = 8

/** @typedef {{ readonly title: string, readonly boxes: readonly Box[], readonly more: string }} Column */
/** @typedef {{ readonly from: string, readonly to: string, readonly tone: string }} Way */

/**
 * Draws the way of one Service: address → frontend → Service → targets. Lists for those who listen, lines between the boxes for those who see.
 *
 * @param {HTMLElement} place
 * @param {FrontendView | undefined} chosen
 * @param {View} view
 */
export function drawPicture(place, chosen, view) {
  if (chosen === undefined) {
    place.replaceChildren(el('p', { class: 'none' }, 'Choose a frontend to see where it leads.'))
    return
  }
  const all = relatives(chosen, view)
  const { columns, ways } = layOut(chosen, all, view)
  const lines = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  lines.setAttribute('class', 'lines')
  lines.setAttribute('aria-hidden', 'true')
  const board = el('div', { class: 'board' })
  board.append(lines, ...columns.map(({ title, boxes, more }) => column(title, boxes, more)))
  place.replaceChildren(heading(chosen), board, ...remarks(chosen))
  const elements = new Map(columns.flatMap(({ boxes }) => boxes.map(({ id, element }) => [id, element])))
  const observer = new ResizeObserver(() => {
    if (board.isConnected) drawLines(board, lines, elements, ways)
    else observer.disconnect()
  })
  observer.observe(board)
}

/**
 * All frontends of the Service of one, that one among the first.
 *
 * @param {FrontendView} chosen
 * @param {View} view
 */
function relatives(chosen, { frontends }) {
  if (chosen.service === undefined) return [chosen]
  const all = frontends.filter(({ service, className }) => service === chosen.service && className === chosen.className)
  return all.indexOf(chosen) < MOST_BOXES ? all : [chosen, ...all.filter((one) => one !== chosen)]
}

/** @param {FrontendView} chosen */
function heading({ service, state, since, className }) {
  return el(
    'div',
    { class: 'picture-head' },
    el('h3', {}, service ?? 'Frontend of the configuration'),
    badge(state),
    el(
      'span',
      { class: 'faint' },
      className === '' ? 'of no class' : `class ${className}`,
      since === undefined ? '' : ', served for ',
      since !== undefined && el('time', { datetime: since, title: since }, sinceText(since, Date.now())),
    ),
  )
}

/** @param {FrontendView} chosen */
function remarks({ trouble, service, settings }) {
  return [
    ...(trouble === undefined
      ? []
      : [
          el(
            'div',
            { class: 'remark' },
            el('p', {}, el('strong', {}, trouble.code), ` ${trouble.message}.`),
            el('p', { class: 'remedy' }, trouble.remedy),
          ),
        ]),
    ...(settings.length === 0 ? [] : [el('p', { class: 'faint' }, settings.join(', '))]),
    ...(service === undefined
      ? []
      : [
          el(
            'p',
            { class: 'faint' },
            'Each node, in or out and why: ',
            el('code', {}, `kubectl fairway explain service ${service}`),
          ),
        ]),
  ]
}

/**
 * @param {FrontendView} chosen
 * @param {readonly FrontendView[]} all
 * @param {View} view
 */
function layOut(chosen, all, view) {
  const shown = all.filter(({ socket }) => socket !== undefined).slice(0, MOST_BOXES)
  const addresses = [...new Set(shown.map(({ socket }) => splitSocket(socket ?? '')[0]))]
  const states = new Map(view.nodes.map(({ name, state }) => [name, state]))
  // What is wrong must not be behind what is well.
  const targets = targetsOf(all, view).toSorted((a, b) => rankOf(a, states) - rankOf(b, states))
  /** @type {readonly Way[]} */
  const ways = [
    ...shown.map(({ id, socket, state }) => ({
      from: `a ${splitSocket(socket ?? '')[0]}`,
      to: `f ${id}`,
      tone: TONES[state] ?? 'warn',
    })),
    ...shown.map(({ id, state }) => ({ from: `f ${id}`, to: 's', tone: TONES[state] ?? 'warn' })),
    ...targets.slice(0, MOST_BOXES).map((target) => ({ from: 's', to: idOf(target), tone: toneOf(target, states) })),
  ]
  const columns = [
    { title: 'Address', boxes: addresses.map(addressBox), more: '' },
    {
      title: 'Frontends',
      boxes: shown.map((one) => frontendBox(one, one === chosen)),
      more: moreText(all.length - Math.max(shown.length, 1), 'frontend'),
    },
    { title: 'Service', boxes: [serviceBox(chosen)], more: '' },
    {
      title: 'Targets',
      boxes: targets.slice(0, MOST_BOXES).map((target) => targetBox(target, states)),
      more: targets.length === 0 ? 'none' : moreText(targets.length - MOST_BOXES, 'target'),
    },
  ]
  return { columns, ways }
}

/**
 * @param {number} count
 * @param {string} noun
 */
function moreText(count, noun) {
  return count > 0 ? `and ${counted(count, noun)} more` : ''
}

/**
 * @param {readonly FrontendView[]} all
 * @param {View} view
 * @returns {readonly TargetView[]}
 */
function targetsOf(all, { groups }) {
  const used = [...new Set(all.flatMap(({ group }) => group ?? []))]
  const found = new Map(used.flatMap((group) => (groups[group]?.targets ?? []).map((one) => [idOf(one), one])))
  return [...found.values()]
}

/**
 * @param {string} title
 * @param {readonly Box[]} boxes
 * @param {string} more
 */
function column(title, boxes, more) {
  return el(
    'div',
    { class: 'column' },
    el('h4', {}, title),
    boxes.length > 0 && el('ul', {}, ...boxes.map(({ element }) => element)),
    more !== '' && el('p', { class: 'faint more' }, more),
    boxes.length === 0 && more === '' && el('p', { class: 'faint more' }, 'none'),
  )
}

/**
 * Curves from the right of one box to the left of the next. Where the columns are below one another there is nothing to draw.
 *
 * @param {HTMLElement} board
 * @param {SVGSVGElement} svg
 * @param {ReadonlyMap<string, HTMLElement>} elements
 * @param {readonly Way[]} ways
 */
function drawLines(board, svg, elements, ways) {
  const frame = board.getBoundingClientRect()
  svg.setAttribute('viewBox', `0 0 ${frame.width} ${frame.height}`)
  const paths = ways.flatMap(({ from, to, tone }) => {
    const [a, b] = [elements.get(from)?.getBoundingClientRect(), elements.get(to)?.getBoundingClientRect()]
    if (a === undefined || b === undefined || b.left < a.right) return []
    const [x1, y1] = [a.right - frame.left, a.top + a.height / 2 - frame.top]
    const [x2, y2] = [b.left - frame.left, b.top + b.height / 2 - frame.top]
    const middle = (x1 + x2) / 2
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
    path.setAttribute('d', `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`)
    path.setAttribute('class', tone)
    return [path]
  })
  svg.replaceChildren(...paths)
}
