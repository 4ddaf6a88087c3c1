document.querySelector(".cancel-link").addEventListener("click", (event) => {
    event.preventDefault();
    history.back();
});
