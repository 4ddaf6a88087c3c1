// "Try it out" with a login sends the CSRF token that the session asks for.
const place = document.getElementById("swagger-ui");

SwaggerUIBundle({
    domNode: place,
    url: place.dataset.url,
    layout: "BaseLayout",
    deepLinking: true,
    validatorUrl: null, // no other host learns of this page
    requestInterceptor: (request) => {
        request.headers["X-CSRFToken"] = place.dataset.csrfToken;
        return request;
    },
});
