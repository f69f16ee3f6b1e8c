import type { DomainActivity, PageServing } from '../../../domain/status/activity.ts'
import type { TransferMeasure } from '../../../domain/progress/progress.ts'
import { padToWidth } from '../display-width.ts'
import { type Glyphs, barSpans, cellSpans } from './glyphs.ts'
import { fitParts } from '../fit-parts.ts'
import { measuredParts, progressLine } from '../progress-line.ts'
import { formatBytes, formatDuration } from '../quantity.ts'
import { type Span, type StyledLine, plain } from './styled-line.ts'

/** Rates of a guest's channels, bytes per second, in their order; empty while unknown. */
export type LaneRates = readonly number[]

const BAR_WIDTH = 24

/** From this width on there is room for whole words. */
const WIDE = 100

/** The space for a panel, and the means to fill it. */
interface PanelOptions {
  readonly columns: number
  readonly rows: number
  readonly laneRates: LaneRates
  readonly glyphs: Glyphs
}

/** The activity of one guest: its save or restore with every channel, and a picture of its memory. */
export function guestPanel(guest: DomainActivity, options: PanelOptions): readonly StyledLine[] {
  const { job, serving, fault } = guest
  if (fault !== undefined) return [[{ text: fault.message, style: 'red' }]]
  if (job !== undefined) {
    const { operation, elapsedMs, process, progress, transfer } = job
    const title = `${guest.name}: ${operation} by process ${process.pid}, ${formatDuration(elapsedMs)}`
    const measure = measureOf(progress) ?? measureOf(transfer)
    const phase = progress === undefined ? '' : progressLine(progress, options.columns)
    const lines: StyledLine[] = [[{ text: title, style: 'bold' }]]
    if (measure === undefined) return [...lines, [plain(`  ${phase}`)]]
    if (measureOf(progress) === undefined) lines.push([plain(`  ${phase}`)])
    return [...lines, ...measurePanel(measure, { ...options, rows: options.rows - lines.length })]
  }
  if (serving !== undefined) return servingPanel(guest.name, serving, options.glyphs)
  return [[plain(`${guest.name}: nothing is being saved, restored or loaded`)]]
}

function measureOf(progress: unknown): TransferMeasure | undefined {
  const found = progress as TransferMeasure | undefined
  return found !== undefined && 'percent' in found ? found : undefined
}

function measurePanel(measure: TransferMeasure, options: PanelOptions): readonly StyledLine[] {
  const { columns, rows, glyphs } = options
  const total = fitParts(measuredParts({ ...measure, channelBytes: [] }), columns - BAR_WIDTH - 6)
  const bar: StyledLine = [
    plain('  '),
    ...barSpans(measure.percent / 100, BAR_WIDTH, glyphs, 'cyan'),
    plain(`  ${total}`),
  ]
  const { memory } = measure
  const width = columns - 4
  const mapRows =
    memory === undefined || memory.cells === '' ? 0 : Math.ceil(memory.cells.length / width)
  const besides = 1 + (memory === undefined ? 0 : 2 + mapRows)
  const lanes = laneLines(measure, options, Math.max(0, rows - besides))
  return [
    bar,
    ...lanes,
    ...(memory === undefined ? [] : memoryLines(measure, memory, columns, glyphs)),
  ]
}

/** A line for each channel, as many as fit. */
function laneLines(
  { channelBytes, lanes }: TransferMeasure,
  {
    columns,
    laneRates,
    glyphs,
  }: { readonly columns: number; readonly laneRates: LaneRates; readonly glyphs: Glyphs },
  most: number,
): readonly StyledLine[] {
  if (channelBytes.length === 0 || most < 1) return []
  const greatest = Math.max(1, ...channelBytes)
  const shown = channelBytes.length <= most ? channelBytes.length : most - 1
  const lines = channelBytes.slice(0, shown).map((bytes, at): StyledLine => {
    const rate = laneRates[at]
    const lane = lanes?.[at]
    const rateText = rate === undefined ? '' : `${formatBytes(rate)}/s`
    return [
      plain(padToWidth(`  channel ${at + 1}`, 13)),
      ...barSpans(bytes / greatest, columns < WIDE ? 8 : 13, glyphs, 'blue'),
      plain(` ${formatBytes(bytes).padStart(9)} ${rateText.padStart(11)} `),
      ...(lane === undefined
        ? []
        : [
            ...keySpans('r', formatBytes(lane.rawBytes), glyphs),
            ...keySpans('c', formatBytes(lane.compressedBytes), glyphs),
            ...keySpans('z', formatBytes(lane.zeroBytes), glyphs),
          ]),
    ]
  })
  const hidden = channelBytes.length - shown
  return hidden > 0 ? [...lines, [plain(`  and ${hidden} more channels`)]] : lines
}

/** A cell of the map with its meaning, or an amount of it. */
function keySpans(cell: string, text: string, glyphs: Glyphs): readonly Span[] {
  return [plain(' '), ...cellSpans(cell, glyphs), plain(` ${text}`)]
}

function memoryLines(
  { ramTotalBytes }: TransferMeasure,
  memory: NonNullable<TransferMeasure['memory']>,
  columns: number,
  glyphs: Glyphs,
): readonly StyledLine[] {
  const width = columns - 4
  const { zeroBytes, compressedBytes, rawBytes, cells } = memory
  const restBytes = Math.max(0, ramTotalBytes - zeroBytes - compressedBytes - rawBytes)
  const legend: StyledLine = [
    plain(' '),
    ...keySpans('r', `raw ${formatBytes(rawBytes)}`, glyphs),
    ...keySpans('c', `compressed ${formatBytes(compressedBytes)}`, glyphs),
    ...keySpans('z', `zero ${formatBytes(zeroBytes)}`, glyphs),
    ...keySpans('.', `on its way ${formatBytes(restBytes)}`, glyphs),
  ]
  const rows: StyledLine[] = []
  for (let at = 0; at < cells.length; at += width)
    rows.push([plain('  '), ...cellSpans(cells.slice(at, at + width), glyphs)])
  return [[], legend, ...rows]
}

function servingPanel(name: string, serving: PageServing, glyphs: Glyphs): readonly StyledLine[] {
  const { image, remainingBytes, totalBytes, requests, state, server, supervised, fault } = serving
  const title = `${name}: its memory is loaded from ${image}`
  const rest = remainingBytes === undefined ? '' : `${formatBytes(remainingBytes)} left`
  const isKnown = remainingBytes !== undefined && totalBytes !== undefined && totalBytes > 0
  const share = isKnown ? 1 - remainingBytes / totalBytes : 0
  const helper = server === undefined ? 'no page server' : `page server ${server}`
  const facts = [
    rest,
    requests === undefined ? '' : `the guest waited for ${requests} pages`,
    `${helper}${supervised ? ', supervised' : ''}`,
  ]
  return [
    [{ text: title, style: 'bold' }],
    [
      plain('  '),
      ...barSpans(share, BAR_WIDTH, glyphs, 'cyan'),
      plain(`  ${Math.floor(share * 100)} %  ${facts.filter((one) => one !== '').join(', ')}`),
    ],
    ...(state === 'filling'
      ? []
      : [
          [
            {
              text: `  memory ${state}: ${fault?.message ?? 'nothing sends it any more'}`,
              style: 'red',
            } as const,
          ],
        ]),
  ]
}
