import { LOOKING_VERBS } from './looking-verbs.ts'
import { type VerbEntry, type VerbGroup, entry } from './verb-entry.ts'

/** Every verb, in the groups and in the order of `--help`. */
export const VERB_GROUPS: readonly VerbGroup[] = [
  {
    title: 'Domains',
    keyword: 'domain',
    verbs: [
      entry('define', 'define a domain from an XML file', () => import('./verbs/domain/define.ts')),
      entry(
        'create',
        'start a domain that is gone when it ends',
        () => import('./verbs/domain/create.ts'),
      ),
      entry('edit', 'edit the definition of a domain', () => import('./verbs/domain/edit.ts')),
      entry(
        'undefine',
        'remove the definition of a domain',
        () => import('./verbs/domain/undefine.ts'),
      ),
      entry(
        'start',
        'start a domain, from its managed save if it has one',
        () => import('./verbs/domain/start.ts'),
      ),
      entry('shutdown', 'ask a guest to shut down', () => import('./verbs/domain/shutdown.ts')),
      entry('reboot', 'ask a guest to reboot', () => import('./verbs/domain/reboot.ts')),
      entry(
        'reset',
        'reset a domain at once, as its reset button would',
        () => import('./verbs/domain/reset.ts'),
      ),
      entry(
        'destroy',
        'stop a running domain at once, as if its power were cut',
        () => import('./verbs/domain/destroy.ts'),
      ),
      entry('suspend', 'pause a running domain', () => import('./verbs/domain/suspend.ts')),
      entry('resume', 'resume a paused domain', () => import('./verbs/domain/resume.ts')),
      entry(
        'dompmwakeup',
        'wake a domain that has suspended itself to RAM',
        () => import('./verbs/domain/dompmwakeup.ts'),
      ),
      entry(
        'domfsfreeze',
        'freeze the file systems of a guest through its agent',
        () => import('./verbs/domain/domfsfreeze.ts'),
      ),
      entry(
        'domfsthaw',
        'thaw the file systems of a guest through its agent',
        () => import('./verbs/domain/domfsthaw.ts'),
      ),
      entry(
        'autostart',
        'make a domain start with the host, or not',
        () => import('./verbs/domain/autostart.ts'),
      ),
      entry('domrename', 'rename a domain', () => import('./verbs/domain/domrename.ts')),
      entry('dumpxml', 'show the XML of a domain', () => import('./verbs/domain/dumpxml.ts')),
      LOOKING_VERBS.desc,
      entry(
        'console',
        'connect the terminal to the serial console of a domain',
        () => import('./verbs/domain/console.ts'),
      ),
      entry(
        'change-media',
        'change the medium of a CD-ROM or floppy drive',
        () => import('./verbs/domain/change-media.ts'),
      ),
      entry(
        'screenshot',
        'save a picture of the screen of a guest',
        () => import('./verbs/domain/screenshot.ts'),
      ),
      entry(
        'send-key',
        'press keys of the keyboard of a guest',
        () => import('./verbs/domain/send-key.ts'),
      ),
      entry(
        'inject-nmi',
        'send a non-maskable interrupt to a guest',
        () => import('./verbs/domain/inject-nmi.ts'),
      ),
      entry(
        'dompmsuspend',
        'let a guest suspend itself',
        () => import('./verbs/domain/dompmsuspend.ts'),
      ),
      entry(
        'domxml-to-native',
        'show the command line of QEMU for a domain XML',
        () => import('./verbs/domain/domxml-to-native.ts'),
      ),
      entry(
        'domtime',
        'show or set the clock of a guest',
        () => import('./verbs/domain/domtime.ts'),
      ),
      entry(
        'domhostname',
        'show the name that a guest has for itself',
        () => import('./verbs/domain/domhostname.ts'),
      ),
      entry(
        'qemu-monitor-command',
        'send a command to the monitor of QEMU',
        () => import('./verbs/domain/qemu-monitor-command.ts'),
      ),
      entry(
        'qemu-agent-command',
        'send a command to the agent in a guest',
        () => import('./verbs/domain/qemu-agent-command.ts'),
      ),
    ],
  },
  {
    title: 'Saving and restoring',
    keyword: 'save',
    verbs: [
      entry(
        'save',
        'save a running domain to a file, then stop it',
        () => import('./verbs/save/save.ts'),
      ),
      entry(
        'restore',
        'restore a domain from a save image',
        () => import('./verbs/save/restore.ts'),
      ),
      entry(
        'managedsave',
        'save a running domain for its next start, then stop it',
        () => import('./verbs/save/managedsave.ts'),
      ),
      entry(
        'managedsave-remove',
        'delete the managed save of a domain',
        () => import('./verbs/save/managedsave-remove.ts'),
      ),
      entry(
        'managedsave-dumpxml',
        'show the domain XML in a managed save',
        () => import('./verbs/save/managedsave-dumpxml.ts'),
      ),
      entry(
        'managedsave-define',
        'change the domain XML in a managed save',
        () => import('./verbs/save/managedsave-define.ts'),
      ),
      entry(
        'managedsave-edit',
        'edit the domain XML in a managed save',
        () => import('./verbs/save/managedsave-edit.ts'),
      ),
      entry(
        'postcopy-recover',
        'load the rest of the memory of a domain that lost its page server',
        () => import('./verbs/save/postcopy-recover.ts'),
      ),
      LOOKING_VERBS.domjobinfo,
      entry(
        'domjobabort',
        'cancel a save or restore that another process is doing',
        () => import('./verbs/save/domjobabort.ts'),
      ),
    ],
  },
  {
    title: 'Save images',
    keyword: 'image',
    verbs: [
      entry(
        'images',
        'list the images that were written or restored here, and delete old ones',
        () => import('./verbs/image/images.ts'),
      ),
      entry(
        'image-info',
        'show what a save image contains, and verify it',
        () => import('./verbs/image/image-info.ts'),
      ),
      entry(
        'image-check',
        'check whether a save image can be restored on this host',
        () => import('./verbs/image/image-check.ts'),
      ),
      entry(
        'image-verify',
        'read a whole save image and list all damage',
        () => import('./verbs/image/image-verify.ts'),
      ),
      entry(
        'image-salvage',
        'make a new image of a damaged one, without its damaged pages',
        () => import('./verbs/image/image-salvage.ts'),
      ),
      entry(
        'image-convert',
        'convert a save image to another format',
        () => import('./verbs/image/image-convert.ts'),
      ),
      entry(
        'image-cache',
        'keep the memory of save images uncompressed, so that a restore can map it',
        () => import('./verbs/image/image-cache.ts'),
      ),
      entry(
        'save-image-dumpxml',
        'show the domain XML in a save image',
        () => import('./verbs/image/save-image-dumpxml.ts'),
      ),
      entry(
        'save-image-define',
        'replace the domain XML in a save image',
        () => import('./verbs/image/save-image-define.ts'),
      ),
      entry(
        'save-image-edit',
        'edit the domain XML in a save image',
        () => import('./verbs/image/save-image-edit.ts'),
      ),
    ],
  },
  {
    title: 'Looking at domains',
    keyword: 'monitor',
    verbs: [
      LOOKING_VERBS.list,
      entry(
        'top',
        'show guests, saves and restores on the full screen',
        () => import('./verbs/monitor/top.ts'),
      ),
      entry('dominfo', 'show facts about a domain', () => import('./verbs/monitor/dominfo.ts')),
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
        () => import('./verbs/monitor/domifaddr.ts'),
      ),
      entry(
        'event',
        'wait for lifecycle events of domains',
        () => import('./verbs/monitor/event.ts'),
      ),
    ],
  },
  {
    title: 'The host',
    keyword: 'host',
    verbs: [
      entry(
        'host-save',
        'save all running domains of the host',
        () => import('./verbs/host/host-save.ts'),
      ),
      entry(
        'host-resume',
        'start the domains that host-save has saved',
        () => import('./verbs/host/host-resume.ts'),
      ),
      entry(
        'doctor',
        'examine this host, and mend what makes it unsafe',
        () => import('./verbs/host/doctor.ts'),
      ),
    ],
  },
  {
    title: 'libvirt, and QEMUs that others started',
    keyword: 'foreign',
    verbs: [
      entry('import', 'take domains over from libvirt', () => import('./verbs/foreign/import.ts')),
      entry('export', 'give domains to libvirt', () => import('./verbs/foreign/export.ts')),
      entry(
        'attach',
        'take over a running QEMU that Stasis did not start',
        () => import('./verbs/foreign/attach.ts'),
      ),
      entry(
        'detach',
        'release a QEMU that was taken over',
        () => import('./verbs/foreign/detach.ts'),
      ),
    ],
  },
  {
    title: 'Stasis itself',
    keyword: 'stasis',
    verbs: [
      entry(
        'history',
        'show what was saved, restored, started and destroyed',
        () => import('./verbs/stasis/history.ts'),
      ),
      entry(
        'config',
        'show each value of the configuration, and where it comes from',
        () => import('./verbs/stasis/config.ts'),
      ),
      entry(
        'completion',
        'write the completion of this command line for a shell',
        () => import('./verbs/stasis/completion.ts'),
      ),
      entry(
        'systemd-units',
        'show or write the systemd units that run this Stasis',
        () => import('./verbs/stasis/systemd-units.ts'),
      ),
      entry(
        'version',
        'show the versions of Stasis, Node and QEMU',
        () => import('./verbs/stasis/version.ts'),
      ),
      entry('echo', 'show words', () => import('./verbs/stasis/echo.ts')),
      entry(
        'connect',
        'choose the domains of root or of the user, at the prompt or in a script',
        () => import('./verbs/stasis/connect.ts'),
      ),
      entry(
        'cd',
        'change the directory for the next commands',
        () => import('./verbs/stasis/cd.ts'),
      ),
      entry('pwd', 'show the directory', () => import('./verbs/stasis/pwd.ts')),
      entry('quit', 'end the prompt or script', () => import('./verbs/stasis/quit.ts')),
      entry('exit', 'end the prompt or script', () => import('./verbs/stasis/exit.ts')),
    ],
  },
]

/** Every verb. */
export const VERBS: readonly VerbEntry[] = VERB_GROUPS.flatMap(({ verbs }) => verbs)
