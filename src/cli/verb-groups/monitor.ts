import { LOOKING_VERBS } from './looking.ts'
import { STATE_VERBS } from './state.ts'
import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help monitor`. */
export const MONITOR_VERBS: VerbGroup = {
  title: 'Looking at domains',
  keyword: 'monitor',
  verbs: [
    STATE_VERBS.list,
    entry(
      'top',
      'show guests, saves and restores on the full screen',
      () => import('../verbs/monitor/top.ts'),
    ),
    entry('dominfo', 'show facts about a domain', () => import('../verbs/monitor/dominfo.ts')),
    STATE_VERBS.domstate,
    STATE_VERBS.domid,
    STATE_VERBS.domuuid,
    STATE_VERBS.domname,
    LOOKING_VERBS.domblklist,
    LOOKING_VERBS.domiflist,
    LOOKING_VERBS.vncdisplay,
    LOOKING_VERBS.domdisplay,
    STATE_VERBS.ttyconsole,
    LOOKING_VERBS.domstats,
    LOOKING_VERBS.dommemstat,
    LOOKING_VERBS.domblkinfo,
    LOOKING_VERBS.domblkstat,
    LOOKING_VERBS.domifstat,
    LOOKING_VERBS.vcpucount,
    LOOKING_VERBS.vcpuinfo,
    STATE_VERBS.domcontrol,
    entry(
      'domifaddr',
      'show the network addresses of a guest',
      () => import('../verbs/monitor/domifaddr.ts'),
    ),
    entry(
      'event',
      'wait for lifecycle events of domains',
      () => import('../verbs/monitor/event.ts'),
    ),
  ],
}
