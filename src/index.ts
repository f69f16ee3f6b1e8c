/**
 * Suspends running virtual machines to disk and brings them back. Begin with {@link Stasis}. The functions do the same for programs that prefer to
 * name the domain and its directories in each call. `stasis`, `stasis/image`, `stasis/qmp` and `stasis/errors` are all that is public; everything
 * else may change from one version to the next.
 * @module stasis
 */

import './api/node-version.ts'

export { Stasis } from './api/stasis.ts'
export type { Attached, CheckProgress } from './api/stasis.ts'
export type { CloneOptions, Domain, RestoredDomain } from './api/domain.ts'
export type { DomainGuest } from './api/domain-guest.ts'
export type { DomainMachine } from './api/domain-machine.ts'
export type { DomainMeasures } from './api/domain-measures.ts'
export type { HandleOptions } from './api/handle-options.ts'
export type { Operation } from './api/operation.ts'

export type { AllowOptions, AllowRule } from './domain/trust/allow-rules.ts'
export type { ReachKind } from './domain/trust/reach.ts'
export { setAutostart } from './domain/lifecycle/autostart.ts'
export type { AutostartOptions } from './domain/lifecycle/autostart.ts'
export type { CloneRequest } from './domain/machine/clone-xml.ts'
export { checkImage } from './domain/check/image.ts'
export type { CheckImageOptions, ImageCheck } from './domain/check/image.ts'
export type { NetworkTargetText } from './domain/networks/network-target.ts'
export { cloneCheckpoint } from './domain/checkpoint/clones/clone-checkpoint.ts'
export { cloneLive } from './domain/checkpoint/clones/clone-live.ts'
export type { CloneCheckpointOptions } from './domain/checkpoint/clones/clone-checkpoint.ts'
export type { CloneLiveOptions, CloneLiveResult } from './domain/checkpoint/clones/clone-live.ts'
export { createCheckpoint } from './domain/checkpoint/create-checkpoint.ts'
export type { CheckpointOptions } from './domain/checkpoint/checkpoint-options.ts'
export type { CheckpointResult } from './domain/checkpoint/create-checkpoint.ts'
export { deleteCheckpoint } from './domain/checkpoint/delete-checkpoint.ts'
export { flattenCheckpoint } from './domain/checkpoint/memory/flatten-checkpoint.ts'
export type { FlattenedCheckpoint } from './domain/checkpoint/memory/flatten-checkpoint.ts'
export type {
  DeleteCheckpointOptions,
  DeletedCheckpoint,
} from './domain/checkpoint/delete-checkpoint.ts'
export type { DiskRequest } from './domain/checkpoint/disks/disk-choice.ts'
export { listCheckpoints } from './domain/checkpoint/list-checkpoints.ts'
export type { CheckpointList, ListedCheckpoint } from './domain/checkpoint/list-checkpoints.ts'
export { revertToCheckpoint } from './domain/checkpoint/revert-checkpoint.ts'
export type { RevertResult } from './domain/checkpoint/revert-checkpoint.ts'
export type { RevertOptions } from './domain/checkpoint/revert-options.ts'
export type { CheckpointRecord } from './domain/store/checkpoints/checkpoint-record.ts'
export type { CheckpointDisk } from './domain/store/checkpoints/disk-overlay.ts'
export { openConsole } from './domain/lifecycle/console.ts'
export type { DomainConsole } from './domain/lifecycle/console.ts'
export type { ConsoleStreams } from './domain/lifecycle/console-streams.ts'
export { createDomain } from './domain/lifecycle/create.ts'
export type { CreateOptions } from './domain/lifecycle/create.ts'
export { defineDomain } from './domain/lifecycle/define.ts'
export type { DefineOptions } from './domain/lifecycle/define.ts'
export { destroyDomain } from './domain/lifecycle/destroy.ts'
export type { DestroyOptions } from './domain/lifecycle/destroy.ts'
export type { DirectoryOptions } from './domain/store/directories.ts'
export type { Connection } from './domain/store/directories.ts'
export type { DomainOptions, WarningOptions } from './domain/store/domain-options.ts'
export type { HostThatIsOff } from './domain/store/host-that-is-off.ts'
export type { DomainState, ResumedState } from './domain/machine/domain-state.ts'
export { blockInfo } from './domain/statistics/block-info.ts'
export type { BlockInfo } from './domain/statistics/block-info.ts'
export type { BlockCounters } from './domain/statistics/block-devices.ts'
export { blockStatistics, interfaceStatistics } from './domain/statistics/device-statistics.ts'
export { domainStatistics } from './domain/statistics/domain-statistics.ts'
export type {
  DomainStatistics,
  StatisticsGroup,
  StatisticsOptions,
} from './domain/statistics/domain-statistics.ts'
export type { Fields } from './domain/statistics/fields.ts'
export { memoryStatistics } from './domain/statistics/memory-statistics.ts'
export { processorCount, processorInfo } from './domain/statistics/processor-statistics.ts'
export type { ProcessorCount, ProcessorInfo } from './domain/statistics/processor-statistics.ts'
export type { DeviceTraffic } from './qemu/process/tap-devices.ts'
export { agentCommand } from './domain/guest/agent-command.ts'
export type { AgentCommand, AgentOptions } from './domain/guest/agent-command.ts'
export { guestAddresses } from './domain/guest/addresses.ts'
export type { AddressOptions, GuestAddress, GuestInterface } from './domain/guest/addresses.ts'
export { guestHostName } from './domain/guest/host-name.ts'
export { guestTime, setGuestTime } from './domain/guest/time.ts'
export { changeMedia } from './domain/devices/change-media.ts'
export type { ChangeMediaOptions } from './domain/devices/change-media.ts'
export type { MediumChange } from './domain/devices/media-xml.ts'
export { nativeCommandLine } from './domain/devices/native-command-line.ts'
export { screenshot } from './domain/devices/screenshot.ts'
export type { PictureFormat, Screenshot, ScreenshotOptions } from './domain/devices/screenshot.ts'
export { injectNmi, sendKeys } from './domain/devices/send-keys.ts'
export type { SendKeysOptions } from './domain/devices/send-keys.ts'
export type { KeyCodeSet } from './domain/devices/key-codes.ts'
export { suspendGuest } from './domain/guest/suspend.ts'
export type { SuspendTarget } from './domain/guest/suspend.ts'
export { monitorCommand } from './domain/devices/monitor-command.ts'
export type { MonitorCommand, MonitorReply } from './domain/devices/monitor-command.ts'
export { dumpDomainXml } from './domain/status/dump-xml.ts'
export type { DumpXmlOptions } from './domain/status/dump-xml.ts'
export type { RecordedFault } from './domain/store/postcopy-record.ts'
export type { PostcopyState } from './domain/store/postcopy-state.ts'
export type { Finding, FindingCode, Severity } from './domain/check/finding.ts'
export {
  addToImageCache,
  listImageCache,
  removeFromImageCache,
} from './domain/restore/image-cache.ts'
export type { CacheAddOptions, CacheAddProgress } from './domain/restore/image-cache.ts'
export type { CachedImage } from './domain/store/saves/cached-images.ts'
export { listImages } from './domain/images/list-images.ts'
export type {
  ImageList,
  ImageState,
  ListImagesOptions,
  ListedImage,
} from './domain/images/list-images.ts'
export type { ImageUse } from './domain/catalogue/files/needed-images.ts'
export { pruneImages } from './domain/images/prune-images.ts'
export type { PruneImagesOptions, PrunedImage, PrunedImages } from './domain/images/prune-images.ts'
export type { KeptImage } from './domain/images/choose-prunable.ts'
export { examineHost } from './domain/doctor/doctor.ts'
export type {
  ExamineOptions,
  Finding as HealthFinding,
  HostHealth,
} from './domain/doctor/doctor.ts'
export type { Verdict } from './domain/doctor/health-check.ts'
export { domainInfo } from './domain/status/info.ts'
export type { DomainInfo } from './domain/status/info.ts'
export { checkSave } from './domain/save/check-save.ts'
export type { SaveCheck } from './domain/save/check-save.ts'
export { checkLive } from './domain/live/check-live.ts'
export type { LiveCheck } from './domain/live/check-live.ts'
export type { LiveSaveOptions } from './domain/live/live-options.ts'
export type { GuestSpeed } from './domain/live/guest-speed.ts'
export type { LiveFigures, LiveSaveResult } from './domain/live/live-result.ts'
export { saveLive } from './domain/live/live-save.ts'
export type { LiveWayName } from './domain/live/live-way-name.ts'
export type {
  LiveChoice,
  LiveObstacle,
  LiveObstacleCode,
  PrecopyFigures,
} from './domain/live/ways/live-way.ts'
export { managedSaveLive } from './domain/live/managed-live.ts'
export { attachNamedDomain } from './domain/foreign/attach-named.ts'
export { importDomains } from './domain/libvirt/import.ts'
export type { ImportOptions, ImportOutcome } from './domain/libvirt/import-options.ts'
export { exportDomains } from './domain/libvirt/export.ts'
export type { ExportOptions, ExportOutcome } from './domain/libvirt/export.ts'
export type { LibvirtOptions } from './domain/libvirt/places.ts'
export type { ManagedSaveChoice } from './domain/libvirt/managed-save-choice.ts'
export { attachDomain, detachDomain } from './domain/foreign/attach.ts'
export type { AttachOptions, AttachedDomain } from './domain/foreign/attach.ts'
export { restoreMachine } from './domain/foreign/restore-machine.ts'
export { saveMachine } from './domain/foreign/save-machine.ts'
export type {
  MachineLaunch,
  RestoreMachineOptions,
  RestoredMachine,
} from './domain/foreign/restore-machine.ts'
export type { SaveMachineOptions } from './domain/foreign/save-machine.ts'
export type { HostProgress } from './domain/host/host-progress.ts'
export { resumeHost } from './domain/host/host-resume.ts'
export type { HostResumeOptions, HostResumeOutcome } from './domain/host/host-resume.ts'
export { saveHost } from './domain/host/host-save.ts'
export { shareState } from './domain/host/share-state.ts'
export type { ShareOptions, SharedState } from './domain/host/share-state.ts'
export type { HostSaveOptions, HostSaveOutcome } from './domain/host/host-save.ts'
export { hostActivity } from './domain/status/activity.ts'
export type { DomainActivity, HostActivity, PageServing } from './domain/status/activity.ts'
export { jobInfo, abortJob } from './domain/status/watch-job.ts'
export type { JobInfoOptions } from './domain/status/watch-job.ts'
export type { JobRecord } from './domain/progress/job.ts'
export type { JobOperation, StoredJob } from './domain/store/job-record.ts'
export type { ProcessIdentity } from './qemu/process/process-identity.ts'
export { watchEvents } from './domain/status/events.ts'
export { watchMachineEvents } from './domain/status/machine-events.ts'
export type {
  MachineEvent,
  MachineEventOptions,
  MachineEventType,
} from './domain/status/machine-events.ts'
export type { EventOptions, LifecycleEvent } from './domain/status/events.ts'
export { waitForDomainMemory } from './domain/status/all-memory.ts'
export type { AllMemoryOptions } from './domain/status/all-memory.ts'
export { imageOfDomain } from './domain/status/domain-image.ts'
export { domainStateReason } from './domain/status/state-reason.ts'
export type { StateOptions, StateWithReason } from './domain/status/state-reason.ts'
export { freezeDomain, thawDomain } from './domain/lifecycle/freeze.ts'
export { rebootDomain, resetDomain, shutDownDomain } from './domain/lifecycle/power.ts'
export type { PowerMode, PowerOptions } from './domain/lifecycle/power.ts'
export { renameDomain } from './domain/lifecycle/rename.ts'
export { defineManagedSave } from './domain/save/define-managed-save.ts'
export type { DefineManagedSaveOptions } from './domain/save/define-managed-save.ts'
export type { EndReason, LastEnd } from './domain/store/last-end.ts'
export { readHistory } from './domain/status/history.ts'
export type { HistoryOptions } from './domain/status/history.ts'
export type {
  GuestCommandResult,
  JournalAct,
  JournalAuthor,
  JournalEntry,
} from './domain/journal/entry.ts'
export type { JournalContent } from './domain/journal/read-journal.ts'
export { listDomains } from './domain/status/list.ts'
export type { DomainSummary, ListOptions, ListedState } from './domain/status/list.ts'
export {
  dumpManagedSaveXml,
  managedSaveDomain,
  removeManagedSave,
} from './domain/save/managed-save.ts'
export type { UnsupportedOptions } from './domain/machine/prepare-machine.ts'
export type {
  OnProgress,
  RestoreProgress,
  SaveProgress,
  TransferMeasure,
} from './domain/progress/progress.ts'
export { recoverPostcopyDomain } from './domain/postcopy/postcopy-recover.ts'
export type { PostcopyRecoverOptions } from './domain/postcopy/postcopy-recover.ts'
export { restoreDomain } from './domain/restore/restore.ts'
export type {
  RestoreOptions,
  ImageNeeded,
  RestoreResult,
  RestoreTiming,
} from './domain/restore/restore-request.ts'
export type { RestoreMode } from './domain/memory-sources/memory-source.ts'
export { resumeDomain } from './domain/lifecycle/resume.ts'
export type { ResumeOptions } from './domain/lifecycle/resume.ts'
export { wakeDomain } from './domain/lifecycle/wake-up.ts'
export { saveDomain } from './domain/save/save.ts'
export type { SaveOptions, SaveResult, SaveTiming } from './domain/save/save.ts'
export { SharedBandwidth } from './domain/save/shared-bandwidth.ts'
export type { BandwidthPart } from './domain/save/shared-bandwidth.ts'
export type { SaveRequest } from './domain/save/save-options.ts'
export { startDomain } from './domain/lifecycle/start.ts'
export type { StartedDomain, StartOptions } from './domain/lifecycle/start.ts'
export { suspendDomain } from './domain/lifecycle/suspend.ts'
export { undefineDomain } from './domain/lifecycle/undefine.ts'
export type { UndefineOptions } from './domain/lifecycle/undefine.ts'
export { versions } from './domain/status/version.ts'
export type { Versions } from './domain/status/version.ts'
export type { DomainXml, XmlText } from './domain/store/xml-text.ts'
export type { FilePath } from './io/files/given-path.ts'

export {
  CancelledError,
  DomainError,
  DomainXmlError,
  ImageError,
  InternalError,
  QemuError,
  StasisError,
  StorageError,
  UsageError,
} from './errors.ts'
export type {
  AnyStasisError,
  DomainErrorCode,
  DomainXmlErrorCode,
  XmlProblem,
  XmlProblemCode,
  ErrorChanges,
  ErrorFacts,
  ImageErrorCode,
  QemuErrorCode,
  StasisErrorCode,
  StasisErrorWithCode,
  Space,
  StorageErrorCode,
  UsageErrorCode,
} from './errors.ts'

export type { Compression } from './image/compression.ts'
export type { FrameCodec } from './image/stasis/frame-codec.ts'
export type { Codec } from './io/codecs/codec-table.ts'
export type { MultifdCompression } from './wire/multifd-packet.ts'
export type { Packing, SaveFormat, StreamFormat } from './image/save-format.ts'
export type { CompressionLevel, SavedImage } from './transfer/image-receiver.ts'
export type { LaneMemory } from './transfer/image-receiver.ts'
export type { MemoryShown } from './transfer/memory-map.ts'
