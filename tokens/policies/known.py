"""What is known of Claude Code's settings: names, and the JSON type of each. Pure.

Releases bring new ones, so what is not known is told and kept. Refused is only what no release can mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tokens.errors import BadTokenField

TEXTS = """
    $schema advisorModel agent apiKeyHelper askUserQuestionTimeout attributionProject autoMemoryDirectory
    autoUpdatesChannel availableModelsMatch awsAuthRefresh awsCredentialExport claudeMd crossSessionInbound
    daemonColdStart defaultShell desktopMcpServersListScope dialogExpiry diffTool disableAutoMode
    disableDeepLinkRegistration downloadsMirrorUrl editorMode effortLevel feedbackDrafts forceLoginGatewayUrl
    forceLoginMethod gcpAuthRefresh keybindingFlavor language managedSourcesBehavior maxEffortLevel minimumVersion
    model modelCatalogPublicKey modelCatalogUrl otelHeadersHelper outputStyle parentSettingsBehavior plansDirectory
    pluginTrustMessage prUrlTemplate preferredNotifChannel processWrapper promptCacheTtl proxyAuthHelper
    remoteMessageReceipts requiredMaximumVersion requiredMinimumVersion subagentPromptCacheTtl teammateMode
    timeFormat timeZone totalTokensReminder tui viewMode workflowSizeGuideline
"""
SWITCHES = """
    agentPushNotifEnabled allowAllClaudeAiMcps allowClaudeInChromeWithManagedMcp allowManagedHooksOnly
    allowManagedMcpServersOnly allowManagedPermissionRulesOnly allowNestedModelAccessUnderForceLogin
    alwaysThinkingEnabled autoCompactEnabled autoConnectIde autoContinueAtUsageLimit autoDreamEnabled
    autoInstallIdeExtension autoMemoryEnabled autoScrollEnabled autoUploadSessions awaySummaryEnabled axScreenReader
    bashEditDiffEnabled channelsEnabled disableAgentView disableAllHooks disableArtifact disableBundledSkills
    disableClaudeAiConnectors disableCommandPluginSources disableDirectMcpSkills disableRemoteControl
    disableReplyCheck disableSideloadFlags disableSkillShellExecution disableWindowsBashCommandSplit
    disableWorkflows emojiCompletionEnabled enableAllProjectMcpServers enableArtifact enableWorkflows
    enforceAvailableModels externalEditorContext fastMode fastModePerSessionOptIn fileCheckpointingEnabled
    forceRemoteSettingsRefresh idleCompaction includeCoAuthoredBy includeGitInstructions inputNeededNotifEnabled
    isolatePeerMachines permissionExplainerEnabled prefersReducedMotion promptSuggestionEnabled
    remoteControlAtStartup respectGitignore respondToBashCommands responseComparisonEnabled
    showClearContextOnPlanAccept showMessageTimestamps showThinkingSummaries showTurnDuration
    skipDangerousModePermissionPrompt skipWebFetchPreflight skipWorkflowUsageWarning spinnerTipsEnabled
    switchModelsOnFlag syncClaudeAiPlugins syncClaudeAiSkills syntaxHighlightingDisabled terminalProgressBarEnabled
    terminalTitleFromRename todoFeatureEnabled ultracode useAutoModeDuringPlan verbose
    wheelScrollAccelerationEnabled workflowKeywordTriggerEnabled wslInheritsWindowsSettings
"""
LISTS = """
    allowedChannelPlugins allowedHttpHookUrls allowedMarketplaces allowedMcpServers allowedProviders appendPlugins
    availableModels blockedMarketplaces claudeMdExcludes companyAnnouncements deniedMcpServers deniedModels
    disabledMcpjsonServers enabledMcpjsonServers fallbackModel footerLinksRegexes gatewayInternalNetworks
    httpHookAllowedEnvVars pluginSuggestionMarketplaces prependPlugins sshConfigs sshHostCommands
    strictKnownMarketplaces
"""
OBJECTS = """
    additionalMarketplaces attribution attributionProjectPolicy autoMode breakReminder enabledPlugins env
    extraKnownMarketplaces fileSuggestion hooks modelOverrides modelPicker modelPricing permissions pluginConfigs
    policyHelper policyHelpers quietHours remote remoteControl sandbox skillOverrides spellcheck
    spinnerTipsOverride spinnerVerbs statusLine subagentStatusLine vimInsertModeRemaps voice worktree xaaIdp
"""
NUMBERS = """
    autoCompactWindow bashOutputMaxChars cleanupPeriodDays desktopSessionCleanupPeriodDays feedbackSurveyRate
    maxProseWidth skillListingBudgetFraction skillListingMaxDescChars taskOutputMaxChars totalTokensReminderBudget
"""
OTHERS = "forceLoginOrgUUID managedMcpServers modelSettings strictPluginOnlyCustomization theme"
"""Of several types."""

Types = type | tuple[type, ...]
TYPES: Mapping[str, tuple[Types, str]] = {
    **dict.fromkeys(TEXTS.split(), (str, "a text")),
    **dict.fromkeys(SWITCHES.split(), (bool, "true or false")),
    **dict.fromkeys(LISTS.split(), (list, "a list")),
    **dict.fromkeys(OBJECTS.split(), (dict, "an object")),
    **dict.fromkeys(NUMBERS.split(), ((int, float), "a number")),
    **dict.fromkeys(OTHERS.split(), (object, "")),
}
RULES = ("allow", "ask", "deny", "additionalDirectories")
EXPORTERS = ("OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_TRACES_EXPORTER")
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"


def check(settings: Mapping[str, object]) -> None:
    """Refuse what no release of the client can take. Raises `BadTokenField`."""
    env = settings.get("env", {})
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise BadTokenField("settings.env", "must be an object of texts")
    permissions = settings.get("permissions", {})
    if not isinstance(permissions, dict):
        raise BadTokenField("settings.permissions", "must be an object")
    for name in RULES:
        rules = permissions.get(name, [])
        if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
            raise BadTokenField(f"settings.permissions.{name}", "must be a list of texts")


def warnings(settings: Mapping[str, object]) -> list[str]:
    """Say what may be a mistake, one sentence each."""
    return [*_of_names(settings), *_of_telemetry(settings.get("env"))]


def _of_names(settings: Mapping[str, object]) -> Iterator[str]:
    for name, value in settings.items():
        if name not in TYPES:
            yield f"{name}: no setting of this name is known; it is served as it is"
            continue
        wanted, words = TYPES[name]
        is_number = isinstance(value, bool) and wanted is not bool and wanted is not object
        if not isinstance(value, wanted) or is_number:
            yield f"{name}: Claude Code expects {words}"


def _of_telemetry(env: object) -> Iterator[str]:
    if not isinstance(env, dict):
        return
    is_wanted = any(env.get(name) == "otlp" for name in EXPORTERS)
    if is_wanted and not env.get(PROTOCOL):
        yield f"env: without {PROTOCOL} (http/protobuf or http/json) no telemetry is sent"
    if is_wanted and not env.get("CLAUDE_CODE_ENABLE_TELEMETRY"):
        yield "env: without CLAUDE_CODE_ENABLE_TELEMETRY=1 no telemetry is sent"
