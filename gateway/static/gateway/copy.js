for (const block of document.querySelectorAll("pre[data-shell], pre[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(block.textContent);
        } catch {
            getSelection().selectAllChildren(block);
            document.execCommand("copy"); // pages without TLS have no clipboard API
        }
        button.textContent = "Copied";
    });
    block.before(button);
}
