import { STATE_VERBS } from './state.ts'
import { SUMMARIES } from '../verb-bundles.ts'
import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help domain`. */
export const DOMAIN_VERBS: VerbGroup = {
  title: 'Domains',
  keyword: 'domain',
  verbs: [
    entry('define', 'define a domain from an XML file', () => import('../verbs/domain/define.ts')),
    entry(
      'create',
      'start a domain that is gone when it ends',
      () => import('../verbs/domain/create.ts'),
    ),
    entry('edit', 'edit the definition of a domain', () => import('../verbs/domain/edit.ts')),
    entry(
      'undefine',
      'remove the definition of a domain',
      () => import('../verbs/domain/undefine.ts'),
    ),
    entry('start', SUMMARIES.start, () => import('../verbs/domain/start.ts')),
    entry('shutdown', 'ask a guest to shut down', () => import('../verbs/domain/shutdown.ts')),
    entry('reboot', 'ask a guest to reboot', () => import('../verbs/domain/reboot.ts')),
    entry(
      'reset',
      'reset a domain at once, as its reset button would',
      () => import('../verbs/domain/reset.ts'),
    ),
    entry(
      'destroy',
      'stop a running domain at once, as if its power were cut',
      () => import('../verbs/domain/destroy.ts'),
    ),
    entry('suspend', 'pause a running domain', () => import('../verbs/domain/suspend.ts')),
    entry('resume', 'resume a paused domain', () => import('../verbs/domain/resume.ts')),
    entry(
      'dompmwakeup',
      'wake a domain that has suspended itself to RAM',
      () => import('../verbs/domain/dompmwakeup.ts'),
    ),
    entry(
      'domfsfreeze',
      'freeze the file systems of a guest through its agent',
      () => import('../verbs/domain/domfsfreeze.ts'),
    ),
    entry(
      'domfsthaw',
      'thaw the file systems of a guest through its agent',
      () => import('../verbs/domain/domfsthaw.ts'),
    ),
    entry(
      'autostart',
      'make a domain start with the host, or not',
      () => import('../verbs/domain/autostart.ts'),
    ),
    entry('domrename', 'rename a domain', () => import('../verbs/domain/domrename.ts')),
    entry('dumpxml', 'show the XML of a domain', () => import('../verbs/domain/dumpxml.ts')),
    STATE_VERBS.desc,
    entry(
      'console',
      'connect the terminal to the serial console of a domain',
      () => import('../verbs/domain/console.ts'),
    ),
    entry(
      'change-media',
      'change the medium of a CD-ROM or floppy drive',
      () => import('../verbs/domain/change-media.ts'),
    ),
    entry(
      'screenshot',
      'save a picture of the screen of a guest',
      () => import('../verbs/domain/screenshot.ts'),
    ),
    entry(
      'send-key',
      'press keys of the keyboard of a guest',
      () => import('../verbs/domain/send-key.ts'),
    ),
    entry(
      'inject-nmi',
      'send a non-maskable interrupt to a guest',
      () => import('../verbs/domain/inject-nmi.ts'),
    ),
    entry(
      'dompmsuspend',
      'let a guest suspend itself',
      () => import('../verbs/domain/dompmsuspend.ts'),
    ),
    entry(
      'domxml-to-native',
      'show the command line of QEMU for a domain XML',
      () => import('../verbs/domain/domxml-to-native.ts'),
    ),
    entry(
      'domtime',
      'show or set the clock of a guest',
      () => import('../verbs/domain/domtime.ts'),
    ),
    entry(
      'domhostname',
      'show the name that a guest has for itself',
      () => import('../verbs/domain/domhostname.ts'),
    ),
    entry(
      'qemu-monitor-command',
      'send a command to the monitor of QEMU',
      () => import('../verbs/domain/qemu-monitor-command.ts'),
    ),
    entry(
      'qemu-agent-command',
      'send a command to the agent in a guest',
      () => import('../verbs/domain/qemu-agent-command.ts'),
    ),
  ],
}
