import type { DomainActivity, HostActivity } from '../../../domain/status/activity.ts'
import { cutToWidth, displayWidth, padToWidth } from '../display-width.ts'
import type { Glyphs } from './glyphs.ts'
import type { ScreenSize } from '../host-lines.ts'
import { guestLine } from '../progress-line.ts'
import { formatBytes } from '../quantity.ts'
import { type StyledLine, plain } from './styled-line.ts'
import { type LaneRates, guestPanel } from './top-guest.ts'

/** The content of a frame of `top`. */
export interface TopView {
  readonly host: string
  /** The clock, as text. */
  readonly clock: string
  readonly activity: HostActivity
  /** The name of the selected guest. If no guest has that name: the first busy guest, or else the first guest. */
  readonly selected: string | undefined
  /** Processor time of each guest in the last interval, 1 for one whole processor. */
  readonly cpuShares: ReadonlyMap<string, number>
  readonly laneRates: ReadonlyMap<string, LaneRates>
}

const COLUMNS = ['State', 'Memory', 'On host', 'CPU'] as const
const WIDTHS = [12, 10, 10, 6] as const
const HEAD_ROWS = 4
const PANEL_ROWS = 12

/** A frame of `top`: a heading, the guests, and the selected one in detail; at most `rows` lines. */
export function topFrame(view: TopView, size: ScreenSize, glyphs: Glyphs): readonly StyledLine[] {
  const { domains } = view.activity
  const { columns, rows } = size
  const at = selectedIndex(view)
  const most = Math.max(1, rows - HEAD_ROWS - PANEL_ROWS)
  const first = Math.max(0, Math.min(at - Math.floor(most / 2), domains.length - most))
  const shown = domains.slice(first, first + most)
  const nameWidth = Math.min(
    Math.max(8, ...domains.map(({ name }) => displayWidth(name))),
    Math.floor(columns / 4),
  )
  const list = shown.map((guest, index) =>
    guestRow(guest, { view, columns, nameWidth, glyphs, isSelected: first + index === at }),
  )
  const guest = domains[at]
  const used = HEAD_ROWS + list.length
  const panel =
    guest === undefined
      ? [[plain('There is no domain.')]]
      : guestPanel(guest, {
          columns,
          rows: rows - used,
          laneRates: view.laneRates.get(guest.name) ?? [],
          glyphs,
        })
  const hidden = domains.length - shown.length
  const heading = [
    padToWidth('  Guest', nameWidth + 2),
    ...COLUMNS.map((title, column) => padToWidth(title, WIDTHS[column] ?? 0)),
    hidden > 0 ? `(${hidden} more, j and k)` : '',
  ]
  return [
    titleLine(view, columns),
    [],
    [{ text: heading.join('  '), style: 'bold' as const }],
    ...list,
    [],
    ...panel,
  ].slice(0, rows)
}

/** The place of the selected guest in the list. */
export function selectedIndex({ activity: { domains }, selected }: TopView): number {
  const named = domains.findIndex(({ name }) => name === selected)
  if (named >= 0) return named
  return Math.max(
    0,
    domains.findIndex(({ job, serving }) => job !== undefined || serving !== undefined),
  )
}

function titleLine({ host, clock, activity }: TopView, columns: number): StyledLine {
  const { domains } = activity
  const running = domains.filter(({ id }) => id !== undefined).length
  const saves = domains.filter(({ job }) => job?.operation.endsWith('save') === true).length
  const restores = domains.filter(({ job }) => job !== undefined).length - saves
  const facts = [
    `${running} of ${domains.length} running`,
    ...(saves > 0 ? [`${saves} being saved`] : []),
    ...(restores > 0 ? [`${restores} being restored`] : []),
  ]
  const left = `stasis top  ${host}  ${clock}  ${facts.join(', ')}`
  const keys = 'j k select  q quit'
  const gap = columns - displayWidth(left) - displayWidth(keys) - 1
  return gap < 2
    ? [{ text: left, style: 'bold' }]
    : [{ text: left, style: 'bold' }, plain(' '.repeat(gap)), { text: keys, style: 'dim' }]
}

function guestRow(
  guest: DomainActivity,
  options: {
    readonly view: TopView
    readonly columns: number
    readonly nameWidth: number
    readonly glyphs: Glyphs
    readonly isSelected: boolean
  },
): StyledLine {
  const { view, columns, nameWidth, glyphs, isSelected } = options
  const share = view.cpuShares.get(guest.name)
  const cells = [
    guest.state,
    bytesText(guest.memoryBytes),
    bytesText(guest.residentBytes),
    share === undefined ? '-' : `${Math.round(share * 100)} %`,
  ]
  const mark = isSelected ? `${glyphs.pointer} ` : '  '
  const facts = [
    `${mark}${padToWidth(cutToWidth(guest.name, nameWidth), nameWidth)}`,
    ...cells.map((cell, column) => padToWidth(cell, WIDTHS[column] ?? 0)),
  ].join('  ')
  const { text, isBad } = deed(guest, columns - displayWidth(facts) - 3)
  return [
    { text: facts, style: isSelected ? 'bold' : undefined },
    { text: `  ${text}`, style: isBad ? 'red' : 'cyan' },
  ]
}

function bytesText(bytes: number | undefined): string {
  return bytes === undefined ? '-' : formatBytes(bytes)
}

/** The activity of a guest, in at most `width` columns. */
function deed(
  { job, serving, managedSave, fault }: DomainActivity,
  width: number,
): { readonly text: string; readonly isBad: boolean } {
  if (fault !== undefined) return { text: fault.code, isBad: true }
  if (job?.progress !== undefined) return { text: guestLine(job.progress, width), isBad: false }
  if (job !== undefined) return { text: job.operation, isBad: false }
  if (serving !== undefined && serving.state !== 'filling')
    return { text: `memory ${serving.state}`, isBad: true }
  if (serving !== undefined) {
    const { remainingBytes, totalBytes } = serving
    const isKnown = remainingBytes !== undefined && totalBytes !== undefined && totalBytes > 0
    const percent = isKnown ? ` ${Math.floor((1 - remainingBytes / totalBytes) * 100)} %` : ''
    return { text: `filling${percent}`, isBad: false }
  }
  return { text: managedSave ? 'managed save' : '', isBad: false }
}
