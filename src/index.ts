// The only list of what is public. Everything else may change from one version to the next.

export { setAutostart } from './domain/autostart.ts'
export type { AutostartOptions } from './domain/autostart.ts'
export type { CloneRequest } from './domain/clone-xml.ts'
export { checkImage } from './domain/check-image.ts'
export type { CheckImageOptions, ImageCheck } from './domain/check-image.ts'
export { openConsole } from './domain/console.ts'
export type { ConsoleStreams, DomainConsole } from './domain/console.ts'
export { convertImage } from './domain/convert-image.ts'
export type { ConvertOptions, ConvertProgress, ConvertResult } from './domain/convert-image.ts'
export { defineDomain } from './domain/define.ts'
export type { DefineOptions } from './domain/define.ts'
export { defineImage } from './domain/define-image.ts'
export type { DefineImageOptions } from './domain/define-image.ts'
export { destroyDomain } from './domain/destroy.ts'
export { resolveDirectories } from './domain/directories.ts'
export type { Directories, DirectoryOptions } from './domain/directories.ts'
export type { DomainOptions } from './domain/domain-options.ts'
export type { DomainState } from './domain/domain-state.ts'
export { dumpDomainXml } from './domain/dump-xml.ts'
export type { DumpXmlOptions } from './domain/dump-xml.ts'
export type { KeptFault } from './domain/fill-record.ts'
export type { FillState } from './domain/fill-state.ts'
export type { Finding, FindingCode, Severity } from './domain/finding.ts'
export { follow } from './domain/follow.ts'
export type { Followed } from './domain/follow.ts'
export { addToImageCache, listImageCache, removeFromImageCache } from './domain/image-cache.ts'
export type { CacheAddOptions, CachedImage } from './domain/image-cache.ts'
export { editImage } from './domain/edit-image.ts'
export type { EditImageOptions } from './domain/edit-image.ts'
export { imageInfo } from './domain/image-info.ts'
export type { ImageBlockInfo, ImageInfo, ImageInfoOptions } from './domain/image-info.ts'
export { domainInfo } from './domain/info.ts'
export type { DomainInfo } from './domain/info.ts'
export { checkSave } from './domain/check-save.ts'
export type { SaveCheck } from './domain/check-save.ts'
export { attachDomain, detachDomain } from './domain/attach.ts'
export type { AttachOptions, AttachedDomain } from './domain/attach.ts'
export { restoreMachine, saveMachine } from './domain/machine.ts'
export type { MachineLaunch, RestoreMachineOptions, SaveMachineOptions } from './domain/machine.ts'
export { resumeHost } from './domain/host-resume.ts'
export type { HostResumeOptions, HostResumeOutcome } from './domain/host-resume.ts'
export { saveHost } from './domain/host-save.ts'
export type { HostSaveOptions, HostSaveOutcome } from './domain/host-save.ts'
export { jobInfo, abortJob } from './domain/watch-job.ts'
export type { JobInfoOptions } from './domain/watch-job.ts'
export type { JobOperation, JobRecord } from './domain/job.ts'
export { watchEvents } from './domain/events.ts'
export type { EventOptions, LifecycleEvent } from './domain/events.ts'
export { domainStateReason } from './domain/state-reason.ts'
export type { StateWithReason } from './domain/state-reason.ts'
export { rebootDomain, resetDomain, shutDownDomain } from './domain/power.ts'
export type { PowerOptions } from './domain/power.ts'
export { renameDomain } from './domain/rename.ts'
export { defineManagedSave } from './domain/define-managed-save.ts'
export type { DefineManagedSaveOptions } from './domain/define-managed-save.ts'
export type { EndReason, LastEnd } from './domain/last-end.ts'
export { listDomains } from './domain/list.ts'
export type { DomainSummary, ListOptions } from './domain/list.ts'
export { dumpManagedSaveXml, managedSaveDomain, removeManagedSave } from './domain/managed-save.ts'
export type { UnsupportedOptions } from './domain/prepare-machine.ts'
export type {
  OnProgress,
  RestoreProgress,
  SaveProgress,
  TransferMeasure,
} from './domain/progress.ts'
export { recoverPostcopyDomain } from './domain/postcopy-recover.ts'
export type { PostcopyRecoverOptions } from './domain/postcopy-recover.ts'
export { restoreDomain } from './domain/restore.ts'
export type { RestoreOptions, RestoreResult, RestoreTiming } from './domain/restore.ts'
export type { RestoreMode } from './domain/restore-mode.ts'
export { resumeDomain } from './domain/resume.ts'
export { saveDomain } from './domain/save.ts'
export type { SaveOptions, SaveResult, SaveTiming } from './domain/save.ts'
export { SharedBandwidth } from './domain/shared-bandwidth.ts'
export type { BandwidthPart } from './domain/shared-bandwidth.ts'
export type { SaveRequest } from './domain/save-settings.ts'
export { startDomain } from './domain/start.ts'
export type { StartedDomain, StartOptions } from './domain/start.ts'
export { suspendDomain } from './domain/suspend.ts'
export { undefineDomain } from './domain/undefine.ts'
export type { UndefineOptions } from './domain/undefine.ts'
export { versions } from './domain/version.ts'
export type { Versions } from './domain/version.ts'
export type { XmlText } from './domain/xml-text.ts'

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
  DomainErrorCode,
  DomainXmlErrorCode,
  ErrorFacts,
  ImageErrorCode,
  QemuErrorCode,
  StorageErrorCode,
  UsageErrorCode,
} from './errors.ts'

export type { Compression } from './image/header.ts'
export { openImage, readDescription } from './image/open-image.ts'
export type { OpenImageOptions } from './image/opened-image.ts'
export type { SaveFormat } from './image/save-format.ts'
export type {
  ChannelStreams,
  DeviceState,
  MachineDescription,
  PageRange,
  PageStore,
  RamBlock,
  SavedMachine,
  SingleStream,
} from './image/saved-machine.ts'
export type { CompressionLevel, SavedImage } from './transfer/save-target.ts'
export type { TargetFormat } from './transfer/save-target-table.ts'
