import { LOOKING_VERBS } from './looking.ts'
import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help monitor`. */
export const MONITOR_VERBS: VerbGroup = {
  title: 'Looking at domains',
  keyword: 'monitor',
  verbs: [
    LOOKING_VERBS.list,
    entry(
      'top',
      'show guests, saves and restores on the full screen',
      () => import('../verbs/monitor/top.ts'),
    ),
    entry('dominfo', 'show facts about a domain', () => import('../verbs/monitor/dominfo.ts')),
    LOOKING_VERBS.domstate,
    LOOKING_VERBS.domid,
    LOOKING_VERBS.domuuid,
    LOOKING_VERBS.domname,
    LOOKING_VERBS.domblklist,
    LOOKING_VERBS.domiflist,
    LOOKING_VERBS.vncdisplay,
    LOOKING_VERBS.domdisplay,
    LOOKING_VERBS.ttyconsole,
    LOOKING_VERBS.domstats,
    LOOKING_VERBS.dommemstat,
    LOOKING_VERBS.domblkinfo,
    LOOKING_VERBS.domblkstat,
    LOOKING_VERBS.domifstat,
    LOOKING_VERBS.vcpucount,
    LOOKING_VERBS.vcpuinfo,
    LOOKING_VERBS.domcontrol,
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
