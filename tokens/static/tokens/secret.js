document.getElementById("copy").addEventListener("click", async (event) => {
    const secret = document.getElementById("secret");
    const button = event.currentTarget;
    secret.select();
    try {
        await navigator.clipboard.writeText(secret.value);
    } catch {
        document.execCommand("copy"); // pages without TLS have no clipboard API
    }
    button.textContent = "Copied";
});
