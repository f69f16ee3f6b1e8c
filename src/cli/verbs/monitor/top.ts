import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { type HostActivity, hostActivity } from '../../../domain/status/activity.ts'
import { withFaultObject } from '../../reports/error.ts'
import { ratesBetween } from '../../terminal/top/activity-rates.ts'
import { FullScreen, type Key } from '../../terminal/top/full-screen.ts'
import { glyphsFor } from '../../terminal/top/glyphs.ts'
import { helpWidth } from '../../terminal/help-layout.ts'
import type { ScreenSize } from '../../terminal/host-lines.ts'
import { type TerminalTraits, lineText } from '../../terminal/top/styled-line.ts'
import { type TopView, selectedIndex, topFrame } from '../../terminal/top/top-frame.ts'
import type { Invocation, Verb } from '../../verb.ts'

interface Flags {
  readonly once?: boolean
}

/** Jobs write their records a little more often. */
const INTERVAL_MS = 500

const LEAST_COLUMNS = 80
const LEAST_ROWS = 10
const PLAIN_ROWS = 1000

/** `top` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command.option('--once', 'show the present state once, as plain text, and end'),
  looks: true,
  example: 'stasis top',
  run: async (_args, { once }, invocation) => {
    const { directories, signal, json } = invocation
    const look = (): Promise<HostActivity> => hostActivity({ ...directories, signal })
    if (!json && once !== true && isFullTerminal()) {
      await showUntilQuit(look, invocation)
      return undefined
    }
    const activity = await look()
    const domains = activity.domains.map(withFaultObject)
    return {
      text: frameText(firstView(activity), { columns: helpWidth(), rows: PLAIN_ROWS }, PLAIN),
      json: { type: 'result', time: activity.time, domains },
    }
  },
}

const PLAIN: TerminalTraits = { attributes: false, colours: false }

function isFullTerminal(): boolean {
  const { isTTY, columns, rows } = process.stdout
  return isTTY && process.env['TERM'] !== 'dumb' && columns >= LEAST_COLUMNS && rows >= LEAST_ROWS
}

function firstView(activity: HostActivity): TopView {
  return {
    host: hostname(),
    clock: clockText(activity),
    activity,
    selected: undefined,
    ...ratesBetween(undefined, activity),
  }
}

function clockText({ time }: HostActivity): string {
  return new Date(time).toTimeString().slice(0, 8)
}

function frameText(view: TopView, size: ScreenSize, traits: TerminalTraits): string {
  return frameLines(view, size, traits).join('\n').trimEnd()
}

function frameLines(view: TopView, size: ScreenSize, traits: TerminalTraits): readonly string[] {
  return topFrame(view, size, glyphsFor(process.env)).map((line) =>
    lineText(line, size.columns, traits).trimEnd(),
  )
}

/** Draws every half second until a key or a signal ends it. Ctrl-C arrives as a key or as a signal. */
async function showUntilQuit(
  look: () => Promise<HostActivity>,
  { signal }: Invocation,
): Promise<void> {
  const traits = { attributes: true, colours: !process.env['NO_COLOR'] }
  let view: TopView | undefined
  let wake = new AbortController()
  let isOver = false
  const draw = (): void => {
    // If the terminal is gone, each write fails, and the failure presses `quit` again.
    if (view !== undefined && !isOver) screen.draw(frameLines(view, screen.size, traits))
  }
  const press = (key: Key): void => {
    if (key === 'quit') {
      isOver = true
      wake.abort()
    } else if (view !== undefined && key !== 'resize') {
      const { domains } = view.activity
      const at = selectedIndex(view) + (key === 'down' ? 1 : -1)
      const selected = domains[Math.min(domains.length - 1, Math.max(0, at))]?.name
      view = { ...view, selected }
    }
    draw()
  }
  using screen = new FullScreen(press)
  const end = (): void => press('quit')
  signal.addEventListener('abort', end, { once: true })
  try {
    let before: HostActivity | undefined
    while (!isOver) {
      const activity = await look()
      view = {
        ...firstView(activity),
        selected: view?.selected,
        ...ratesBetween(before, activity),
      }
      before = activity
      draw()
      wake = new AbortController()
      if (!isOver)
        await delay(INTERVAL_MS, undefined, { signal: wake.signal }).catch(() => undefined)
    }
  } catch (error) {
    // It was ended during a look.
    if (!isOver) throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}
